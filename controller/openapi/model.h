#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "controller/model/resource.h"
#include "controller/model/value.h"

// An OpenAPI document (2.0, 3.0, 3.1) as what is needed to call it. Values; nothing here knows of sockets or secrets.
namespace plumb::openapi {

enum class In { path, query, header, cookie };
enum class Style { simple, label, matrix, form, space_delimited, pipe_delimited, deep_object };

struct Parameter {
  std::string name;
  In in = In::query;
  bool required = false;
  Style style = Style::form;
  bool explode = true;
  bool allow_reserved = false;
  std::string media_type{};  // not empty: `content` in place of `schema`; the value is serialised so
  // As the document has it, in its dialect, or a `$ref` to there where it is large: what many operations share is not
  // copied into each. References are into Operation::document. Null: anything.
  Value schema{};
  std::string description{};
  std::string pointer{};  // into the document
  // Itential's x-itential-use-in: "token", "refresh", "key"; empty: of the call itself.
  std::vector<std::string> use_in{};
  std::string variable{};  // x-itential-variable: the integration's variable that has the value
  bool in_body = false;    // "in: body", as only x-itential-parameters can be: a member of the form; `in` means nothing
};

struct MediaType {
  std::string type;  // "application/json"
  Value schema{};    // as of a parameter
  Value encoding{};  // of form and multipart bodies: property -> Encoding Object; null: none
};

struct Body {
  bool required = false;
  std::vector<MediaType> content;  // in the order of the document
};

struct SecurityScheme {
  enum class Type { api_key, basic, bearer, aws_sigv4, oauth2, open_id_connect, mutual_tls, unsupported };
  std::string name;  // its key in components.securitySchemes
  Type type = Type::unsupported;
  In in = In::header;       // api_key
  std::string parameter{};  // api_key: name of the header, query parameter or cookie
  struct Flow {
    std::string authorization_url{}, token_url{}, refresh_url{};
    std::map<std::string, std::string> scopes{};
  };
  // "clientCredentials", "password", "authorizationCode", "implicit"
  std::map<std::string, Flow> flows{};
  std::string open_id_connect_url{};
  // x-itential-dynamic-retrieval
  struct Retrieval {
    std::string method, url, response_pointer;
  };
  std::optional<Retrieval> retrieval{};
  std::vector<Parameter> parameters{};  // x-itential-parameters
  std::string pointer{};
};

struct ServerVariable {
  std::string value;  // default
  std::vector<std::string> allowed{};
};

struct Server {
  std::string url;  // template: "https://{region}.api.example/v1", or relative: "/v3"
  std::map<std::string, ServerVariable> variables{};
};

struct Operation {
  std::string id;      // operationId
  std::string method;  // "GET"
  std::string path;    // template: "/pets/{petId}"
  std::string summary{}, description{};
  std::vector<std::string> tags{};
  bool deprecated = false;
  std::vector<Parameter> parameters{};  // path item's and its own
  std::optional<Body> body{};
  // Alternatives; each all of the schemes named in it. Empty: none needed.
  std::vector<std::vector<std::string>> security{};
  std::vector<Server> servers{};  // where it has others than the document
  std::string pointer{};          // "/paths/~1pets~1{petId}/get"
  // What `$ref` in the schemas means: the Model's document, shared. Null: there are no references.
  std::shared_ptr<const Value> document{};
};

struct Model {
  std::string title, version;
  std::string openapi;                    // "2.0", "3.0.3", "3.1.0"
  std::vector<Server> servers{};          // never empty: "/" where the document has none
  std::vector<SecurityScheme> schemes{};  // in the order of the document
  std::map<std::string, Operation, std::less<>> operations{};
  std::string digest{};                     // SHA-256 of the canonical document
  std::shared_ptr<const Value> document{};  // as it was read

  std::string version_id() const { return title + ":" + version; }  // Itential's identity of a model
  const SecurityScheme* scheme(std::string_view name) const;
  // Verbs that have operations, sorted: "get", "post".
  std::vector<std::string> verbs() const;
};

// Everything that is wrong at once, each at its JSON Pointer into the document (Diagnostic::at is left empty). Errors:
// nothing can be made of it. What is wrong with one operation (no operationId, one that is there twice, a path
// parameter without a value) is an error too, as a task that silently is not there helps nobody. Warnings: what is
// there but cannot be used (an unsupported scheme). Bounded in time and memory for any document.
struct Parsed {
  std::optional<Model> model;  // where there are no errors
  Diagnostics diagnostics;
};
Parsed parse_model(const Value& document);

}  // namespace plumb::openapi
