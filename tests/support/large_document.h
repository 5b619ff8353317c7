#pragma once

#include <cstddef>
#include <string>

#include <fmt/format.h>

namespace plumb::test {

struct LargeDocument {
  std::string json;  // compact, as vendors publish them
  std::size_t operations = 0;
};

// An OpenAPI document of at least so many bytes: paths of two operations each, and schemas that refer to one another,
// in about the proportions of the large public ones.
inline LargeDocument large_document(std::size_t bytes, const std::string& title = "Large") {
  std::string paths, schemas;
  std::size_t count = 0;
  for (; paths.size() + schemas.size() + 200 < bytes; ++count) {
    const char* const comma = count == 0 ? "" : ",";
    paths += fmt::format(
        R"({1}"/things{0}/{{id}}":{{"parameters":[{{"name":"id","in":"path","required":true,"schema":{{"type":"string"}}}}],)"
        R"("get":{{"operationId":"getThing{0}","summary":"Gives thing {0}","tags":["things"],"parameters":[)"
        R"({{"name":"limit","in":"query","description":"How many at most.","schema":{{"type":"integer","minimum":1,"maximum":500}}}},)"
        R"({{"name":"fields","in":"query","style":"form","explode":false,"schema":{{"type":"array","items":{{"type":"string"}}}}}}],)"
        R"("responses":{{"200":{{"description":"The thing.","content":{{"application/json":{{"schema":{{"$ref":"#/components/schemas/Thing{0}"}}}}}}}},)"
        R"("404":{{"description":"There is none."}}}}}},)"
        R"("put":{{"operationId":"putThing{0}","summary":"Replaces thing {0}","tags":["things"],"requestBody":{{"required":true,)"
        R"("content":{{"application/json":{{"schema":{{"$ref":"#/components/schemas/Thing{0}"}}}}}}}},"responses":{{"204":{{"description":"Done."}}}}}}}})",
        count, comma);
    schemas += fmt::format(
        R"({2}"Thing{0}":{{"type":"object","description":"Thing number {0}, with what is known of it.","required":["name"],"properties":{{)"
        R"("name":{{"type":"string","maxLength":64,"description":"Its name, as people say it."}},)"
        R"("site":{{"type":"string","enum":["ber1","ham1","muc1"]}},"weight":{{"type":"number","minimum":0}},)"
        R"("labels":{{"type":"object","additionalProperties":{{"type":"string"}}}},)"
        R"("parent":{{"$ref":"#/components/schemas/Thing{1}"}},"parts":{{"type":"array","items":{{"$ref":"#/components/schemas/Thing{1}"}}}}}}}})",
        count, count / 2, comma);
  }
  return {
      fmt::format(
          R"({{"openapi":"3.0.3","info":{{"title":"{}","version":"1"}},"servers":[{{"url":"https://things.example/v1"}}],)"
          R"("paths":{{{}}},"components":{{"schemas":{{{}}}}}}})",
          title, paths, schemas),
      count * 2};
}

}  // namespace plumb::test
