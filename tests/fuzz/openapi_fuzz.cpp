// Any JSON is taken for an OpenAPI document without a crash and in bounded time; what becomes a model has what it
// promises; any arguments of its operations give a call that is one line of a request, or problems; and any bytes of an
// answer have a normalised form. With -DPLUMB_LIBFUZZER it is a libFuzzer target (of the text of a document); otherwise
// it has a main of its own: seeds and a bounded number of mutations of their values.
//   openapi_fuzz [rounds] [seed]
#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <random>
#include <string>
#include <vector>

#include <boost/json/parse.hpp>

#include "controller/base/assert.h"
#include "controller/base/text.h"
#include "controller/openapi/request.h"
#include "controller/openapi/response.h"

namespace {

using namespace plumb;

bool is_clean(std::string_view text, std::string_view forbidden) {
  return std::none_of(text.begin(), text.end(), [&](unsigned char c) {
    return c < 0x20 || c == 0x7F || forbidden.find(static_cast<char>(c)) != forbidden.npos;
  });
}

void check_call(const openapi::Operation& operation, const openapi::Prepared& call) {
  PLUMB_ASSERT(call.method == operation.method);
  PLUMB_ASSERT(call.path.starts_with('/') && is_clean(call.path, " ?#"));
  const auto segments = [](std::string_view path) { return std::count(path.begin(), path.end(), '/'); };
  PLUMB_ASSERT(segments(call.path) == segments(operation.path));
  PLUMB_ASSERT((call.path + '/').find("/../") == std::string::npos);
  PLUMB_ASSERT(is_clean(call.query, " #"));
  for (const auto& [name, value] : call.headers) PLUMB_ASSERT(is_clean(name, " :\"") && is_clean(value, ""));
  for (const auto& [name, value] : call.cookies) PLUMB_ASSERT(is_clean(name, " ;=") && is_clean(value, " ;\""));
  PLUMB_ASSERT(is_clean(call.content_type, ""));
  PLUMB_ASSERT(call.body.empty() || !call.content_type.empty());
}

struct Counts {
  std::size_t models = 0, calls = 0, problems = 0;
};

void check_document(const Value& document, const std::vector<Value>& arguments, Counts& counts) {
  openapi::Parsed parsed = openapi::parse_model(document);
  for (const Diagnostic& diagnostic : parsed.diagnostics)
    PLUMB_ASSERT(!diagnostic.message.empty() && (diagnostic.path.empty() || diagnostic.path.front() == '/'));
  PLUMB_ASSERT(parsed.model.has_value() == !has_errors(parsed.diagnostics));
  if (!parsed.model) return;
  ++counts.models;
  const auto model = std::make_shared<const openapi::Model>(std::move(*parsed.model));
  PLUMB_ASSERT(!model->servers.empty());
  const openapi::Operations operations(model);
  for (const auto& [id, operation] : model->operations) {
    PLUMB_ASSERT(operation.id == id && at(document, operation.pointer) != nullptr);
    PLUMB_ASSERT(openapi::arguments_schema(operation).is_object());
    for (const Value& argument : arguments) {
      openapi::Arguments given;
      for (const openapi::Parameter& parameter : operation.parameters)
        given.parameters.insert_or_assign(parameter.name, argument);
      given.has_body = operation.body.has_value();
      given.body = argument;
      const auto call = operations.prepare(operation, given);
      if (call) check_call(operation, *call);
      ++(call ? counts.calls : counts.problems);
    }
  }
}

void check_answer(const std::string& bytes, const std::string& type) {
  const Value value = openapi::normalised({"get", "https://a/b", 200, "", {{"Content-Type", type}}, bytes});
  const bool has_body = at(value, "/body") != nullptr, has_text = at(value, "/text") != nullptr;
  PLUMB_ASSERT(bytes.empty() ? !has_body && !has_text : has_body != has_text);
  PLUMB_ASSERT(is_utf8(canonical(value)));
}

const std::vector<Value>& some_arguments() {
  static const std::vector<Value> arguments = {
      "..",
      "a/b?c#d\r\n",
      7,
      Value(nullptr),
      3.5,
      boost::json::parse(R"(["a,b", "c d", "|"])"),
      boost::json::parse(R"({"a": "x&y", "name": "n", "b/c": [1]})"),
      boost::json::parse(
          R"({"name": "n", "child": {"name": "m", "child": {}}, "file": "AAE=", "list": [1, {"x": "y"}]})")};
  return arguments;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string text(reinterpret_cast<const char*>(data), size);
  for (const char* type : {"application/json", "text/plain; charset=utf-16", "a/b+json; charset=latin1"})
    check_answer(text, type);
  boost::json::parse_options options;
  options.max_depth = 1000;
  boost::system::error_code error;
  const Value document = boost::json::parse(text, error, {}, options);
  Counts counts;
  if (!error) check_document(document, some_arguments(), counts);
  return 0;
}

#ifndef PLUMB_LIBFUZZER
namespace {

const char* const kSeeds[] = {
    R"({"openapi": "3.0.3", "info": {"title": "t", "version": "1"}, "servers": [{"url": "https://{a}/v", "variables": {"a": {"default": "x"}}}],
  "security": [{"k": []}], "paths": {"/a/{p}/b{q}": {"parameters": [{"name": "p", "in": "path", "required": true, "schema": {"type": "string"}},
    {"name": "q", "in": "path", "required": true, "style": "matrix", "explode": true}],
  "get": {"operationId": "get", "parameters": [{"$ref": "#/components/parameters/f"}, {"name": "d", "in": "query", "style": "deepObject"},
     {"name": "h", "in": "header"}, {"name": "c", "in": "cookie"}, {"name": "j", "in": "query", "content": {"application/json": {"schema": {"nullable": true, "oneOf": [{"$ref": "#/components/schemas/P"}, {"not": {"pattern": "^a"}}]}}}}]},
  "post": {"operationId": "post", "requestBody": {"content": {"application/json": {"schema": {"$ref": "#/components/schemas/P"}}}}},
  "put": {"operationId": "put", "requestBody": {"content": {"multipart/form-data": {"schema": {"type": "object", "properties": {"file": {"type": "string", "format": "binary"}}}, "encoding": {"list": {"contentType": "text/plain"}}}}}},
  "patch": {"operationId": "patch", "requestBody": {"content": {"application/x-www-form-urlencoded": {"encoding": {"list": {"style": "pipeDelimited", "explode": false}}}}}}}},
  "components": {"parameters": {"f": {"name": "f", "in": "query", "explode": false, "allowReserved": true, "schema": {}}},
  "schemas": {"P": {"type": "object", "required": ["name"], "properties": {"name": {"type": "string", "minLength": 1, "enum": ["n", "m"]}, "child": {"$ref": "#/components/schemas/P"}}, "additionalProperties": {"anyOf": [{"type": "array", "items": {}, "uniqueItems": true}, {"exclusiveMinimum": true, "minimum": 1, "multipleOf": 2}, true]}}},
  "securitySchemes": {"k": {"type": "apiKey", "in": "header", "name": "X", "x-itential-dynamic-retrieval": {"method": "GET", "url": "https://k", "responsePointer": "/a"}, "x-itential-parameters": [{"name": "z", "in": "query", "x-itential-use-in": ["key"]}]}}}})",
    R"({"swagger": "2.0", "info": {"title": "t", "version": "1"}, "host": "h", "basePath": "/b", "schemes": ["https"], "consumes": ["application/json"],
  "parameters": {"l": {"name": "l", "in": "query", "type": "array", "items": {"type": "string"}, "collectionFormat": "pipes"}},
  "paths": {"/x/{i}": {"get": {"operationId": "g", "parameters": [{"$ref": "#/parameters/l"}, {"name": "i", "in": "path", "required": true, "type": "integer"}]},
  "post": {"operationId": "p", "parameters": [{"name": "i", "in": "path", "required": true, "type": "string"}, {"name": "b", "in": "body", "schema": {"$ref": "#/definitions/D"}}]},
  "put": {"operationId": "u", "parameters": [{"name": "i", "in": "path", "required": true, "type": "string"}, {"name": "file", "in": "formData", "type": "file"}, {"name": "name", "in": "formData", "type": "string"}]}}},
  "definitions": {"D": {"allOf": [{"type": "object"}, {"properties": {"child": {"$ref": "#/definitions/D"}}}], "x-nullable": true}},
  "securityDefinitions": {"o": {"type": "oauth2", "flow": "accessCode", "tokenUrl": "https://t", "authorizationUrl": "https://a", "scopes": {"s": "S"}}}})",
    R"({"openapi": "3.1.0", "info": {"title": "t", "version": "1"}, "paths": {"/a": {"post": {"operationId": "o", "requestBody": {"required": true, "content": {"*/*": {"schema":
  {"$ref": "#/components/schemas/A", "minProperties": 1}}, "text/*": {}, "application/octet-stream": {}}}}}},
  "components": {"schemas": {"A": {"type": ["object", "null", "array"], "prefixItems": [{"const": 1}], "items": {"contains": {"type": "string"}}, "dependentSchemas": {"a": {"maxProperties": 3}}, "dependentRequired": {"b": ["c"]},
    "propertyNames": {"maxLength": 9}, "patternProperties": {"^x": {}}, "if": {"required": ["a"]}, "then": {"$ref": "#/components/schemas/B"}, "else": {"properties": {"child": {"$ref": "#/components/schemas/A"}}}}, "B": {"type": "object"}}}})"};

// Every value below, with what it is in.
void collect(Value& value, std::vector<Value*>& all) {
  all.push_back(&value);
  if (auto* array = value.if_array())
    for (Value& element : *array) collect(element, all);
  if (auto* object = value.if_object())
    for (auto& member : *object) collect(member.value(), all);
}

void mutate(Value& document, std::mt19937& random) {
  static const char* const kTexts[] = {"",
                                       "#",
                                       "#/",
                                       "#/paths",
                                       "#/components/schemas/P",
                                       "#/definitions/D",
                                       "#/components/schemas/A",
                                       "http://x/y",
                                       "path",
                                       "query",
                                       "header",
                                       "cookie",
                                       "deepObject",
                                       "matrix",
                                       "object",
                                       "array",
                                       "a\r\nb",
                                       "multi",
                                       "..",
                                       "/",
                                       "(",
                                       "3.1.0",
                                       "3.0.0",
                                       "2.0",
                                       "{p}",
                                       "\xc3\xa4",
                                       "text/plain",
                                       "null",
                                       "date-time"};
  static const char* const kKeys[] = {"$ref",
                                      "type",
                                      "in",
                                      "name",
                                      "style",
                                      "explode",
                                      "schema",
                                      "content",
                                      "allOf",
                                      "not",
                                      "items",
                                      "enum",
                                      "required",
                                      "properties",
                                      "parameters",
                                      "requestBody",
                                      "oneOf",
                                      "contains",
                                      "pattern",
                                      "multipleOf",
                                      "readOnly",
                                      "nullable",
                                      "additionalProperties",
                                      "get",
                                      "/a/{b}",
                                      "format",
                                      "collectionFormat"};
  std::vector<Value*> all;
  collect(document, all);
  Value& target = *all[random() % all.size()];
  const Value& other = *all[random() % all.size()];
  const auto text = [&] { return kTexts[random() % std::size(kTexts)]; };
  auto* object = target.if_object();
  switch (random() % 8) {
    case 0: target = text(); break;
    case 1: target = static_cast<std::int64_t>(random() % 5) - 1; break;
    case 2: target = random() % 2 == 0; break;
    case 3: target = Value(other); break;
    case 4:
      if (object != nullptr && !object->empty())
        object->erase(object->begin() + static_cast<std::ptrdiff_t>(random() % object->size()));
      break;
    case 5:
      if (object != nullptr) {
        Value copy(other);
        object->insert_or_assign(kKeys[random() % std::size(kKeys)], std::move(copy));
      }
      break;
    case 6:
      if (object != nullptr) object->insert_or_assign(kKeys[random() % std::size(kKeys)], text());
      break;
    default:
      if (object != nullptr) object->insert_or_assign("$ref", text());
      break;
  }
}

}  // namespace

int main(int argc, char** argv) {
  const unsigned long rounds = argc > 1 ? std::strtoul(argv[1], nullptr, 10) : 5000;
  std::mt19937 random(argc > 2 ? static_cast<unsigned>(std::strtoul(argv[2], nullptr, 10)) : 1);
  std::vector<Value> seeds;
  Counts counts;
  for (const char* text : kSeeds) {
    seeds.push_back(boost::json::parse(text));
    const std::size_t before = counts.models;
    check_document(seeds.back(), some_arguments(), counts);
    PLUMB_ASSERT(counts.models == before + 1);
  }
  const char* const types[] = {"application/json", "a/b+json; charset=utf-16", "text/html; charset=windows-1252", ";",
                               ""};
  for (unsigned long round = 0; round < rounds; ++round) {
    Value document = seeds[random() % seeds.size()];
    for (auto edits = random() % 4 + 1; edits > 0; --edits) mutate(document, random);
    check_document(document, some_arguments(), counts);
    std::string bytes = canonical(document).substr(0, random() % 200);
    for (auto edits = random() % 4; edits > 0 && !bytes.empty(); --edits)
      bytes[random() % bytes.size()] = static_cast<char>(random() % 256);
    check_answer(bytes, types[random() % std::size(types)]);
  }
  // Of mutations that are all refused, nothing would be learnt.
  PLUMB_ASSERT(rounds < 1000 || (counts.models > rounds / 20 && counts.calls > rounds / 20));
  std::printf("%lu mutations of %zu seeds: %zu models, %zu calls, %zu refused\n", rounds, seeds.size(), counts.models,
              counts.calls, counts.problems);
}
#endif
