#include "controller/api/shapes.h"

#include <fmt/format.h>

#include "controller/api/answers.h"
#include "controller/base/clock.h"
#include "controller/model/json.h"

namespace plumb::api {

Value summary_of(const runtime::Access& access, const ResourceKey& key, const std::optional<Status>& status) {
  const auto& view = access.view();
  const runtime::Registered& found = *view.find(key);
  Object summary{{"namespace", key.ns},
                 {"name", key.name},
                 {"model", runtime::model_of(view, key).name},
                 {"enabled", bool_at(found.spec, "/enabled").value_or(true)}};
  if (const auto operations = runtime::operations_of(view, key)) {
    summary["versionId"] = operations->model().version_id();
    summary["operations"] = operations->model().operations.size();
  }
  if (!status) return summary;
  Array conditions;
  for (const Condition& each : status->conditions) conditions.push_back(to_json(each));
  summary["conditions"] = std::move(conditions);
  return summary;
}

Value described(const openapi::Operation& operation) {
  return Object{{"operationId", operation.id},
                {"method", operation.method},
                {"path", operation.path},
                {"summary", operation.summary},
                {"deprecated", operation.deprecated}};
}

Value described(const runtime::AccessToken& token) {
  return Object{{"id", token.id},
                {"kind", token.kind},
                {"account", token.account},
                {"admin", token.admin},
                {"description", token.description},
                {"createdBy", token.created_by},
                {"created", format_time(token.created)},
                {"expires", format_time(token.expires)}};
}

Value described(const ResourceKey& model, const runtime::Role& role) {
  Array methods;
  for (const std::string& id : role.operations) methods.push_back(Object{{"name", id}, {"provenance", role.source}});
  return Object{{"name", role.name},
                {"source", role.source},
                {"namespace", model.ns},
                {"model", model.name},
                {"allowedMethods", std::move(methods)}};
}

net::Response html_page(int status, std::string_view text) {
  std::string escaped;
  for (const char c : text) {
    switch (c) {
      case '<': escaped += "&lt;"; break;
      case '>': escaped += "&gt;"; break;
      case '&': escaped += "&amp;"; break;
      case '"': escaped += "&quot;"; break;
      case '\'': escaped += "&#39;"; break;
      default: escaped.push_back(c);
    }
  }
  net::Response answer = json_answer(status, nullptr);
  answer.content_type = "text/html; charset=utf-8";
  answer.headers.emplace_back("Referrer-Policy", "no-referrer");  // the page's address has the code
  answer.body = fmt::format(
      "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"><title>Plumbline</title></head>"
      "<body><h1>Plumbline</h1><p>{}</p></body></html>\n",
      escaped);
  return answer;
}

}  // namespace plumb::api
