#pragma once

#include <map>
#include <memory>
#include <string>

#include <boost/json/parse.hpp>

#include "controller/base/digest.h"
#include "controller/model/value.h"
#include "controller/ports/document_store.h"
#include "controller/ports/secret_store.h"

// What tests against a Platform share.
namespace plumb::test {

// Secrets by reference; what was not put in is not found.
class SecretMap final : public SecretStore {
 public:
  std::map<std::string, std::string> values;
  std::map<std::string, int> fetched;
  Result<Secret> fetch(const std::string& reference) override {
    ++fetched[reference];
    const auto found = values.find(reference);
    if (found == values.end()) return fail(Fault::not_found, "{} is not there", reference);
    return Secret(std::string(found->second));
  }
  Result<void> deliver(const std::string&, const Secret&) override { return {}; }
  Result<void> handed_over(const std::string&) override { return {}; }
};

class DocumentMap final : public DocumentStore {
 public:
  std::map<std::string, Content> contents;
  std::string put(Content content) override {
    std::string digest = sha256(*content);
    contents[digest] = std::move(content);
    return digest;
  }
  Result<Content> get(const std::string& digest) override {
    const auto found = contents.find(digest);
    if (found == contents.end()) return fail(Fault::not_found, "there is no document {}", digest);
    return found->second;
  }
};

inline Value petstore(const std::string& title = "Swagger Petstore", const std::string& version = "1.0.0",
                      const std::string& server = "https://petstore.example/v1") {
  Value document = boost::json::parse(R"({"openapi": "3.0.3", "info": {}, "servers": [{}],
      "paths": {"/pets": {"get": {"operationId": "listPets", "responses": {}},
                          "post": {"operationId": "createPets", "responses": {}}}},
      "components": {"securitySchemes": {"api_key": {"type": "apiKey", "in": "header", "name": "X-Key"}}}})");
  document.as_object()["info"] = {{"title", title}, {"version", version}};
  document.as_object()["servers"].as_array()[0] = {{"url", server}};
  return document;
}

}  // namespace plumb::test
