#include "controller/plan/plan_file.h"

#include <fmt/format.h>
#include <boost/json/parse.hpp>

#include "controller/base/digest.h"
#include "controller/base/text.h"
#include "controller/model/json.h"

namespace plumb::plan {
namespace {

// "plumbline-plan/v1 hmac-sha256:<64 hexadecimal digits>\n", then one JSON document and a newline.
constexpr std::string_view kMagic = "plumbline-plan/v1 hmac-sha256:";
constexpr std::size_t kTagSize = 64;

// The first line is part of what is signed, so that a later format cannot be passed off as this one.
std::string tag_of(std::string_view body, std::string_view key) {
  return hmac_sha256(key, fmt::format("{}\n{}", kMagic, body));
}

Failure changed() {
  return fail(
      Fault::denied,
      "the plan file was changed after it was made, or was made with the key of another installation; plan again");
}

Result<PlanFile> read_body(std::string_view body) {
  boost::system::error_code error;
  const Value json = boost::json::parse(body, error);
  if (error || !json.is_object()) return fail(Fault::invalid, "the plan file holds no JSON object");
  const auto created = parse_time(text_at(json, "/created").value_or(""));
  const auto expires = parse_time(text_at(json, "/expires").value_or(""));
  const Value* plans = at(json, "/plans");
  if (!created || !expires || plans == nullptr || !plans->is_array())
    return fail(Fault::invalid, "the plan file lacks created, expires or plans");
  PlanFile file;
  file.id = text_at(json, "/id").value_or("");
  file.instance = text_at(json, "/instance").value_or("");
  file.manifests = text_at(json, "/manifests").value_or("");
  file.created = *created;
  file.expires = *expires;
  for (const Value& item : plans->get_array()) {
    PLUMB_TRY(Plan plan, plan_from_json(item));
    file.plans.push_back(std::move(plan));
  }
  return file;
}

}  // namespace

std::string seal(const PlanFile& file, std::string_view key) {
  Array plans;
  for (const Plan& plan : file.plans) plans.push_back(to_json(plan));
  Object json{{"id", file.id},
              {"instance", file.instance},
              {"created", format_time(file.created)},
              {"expires", format_time(file.expires)},
              {"plans", std::move(plans)}};
  if (!file.manifests.empty()) json["manifests"] = file.manifests;
  const std::string body = canonical(json) + "\n";
  return fmt::format("{}{}\n{}", kMagic, tag_of(body, key), body);
}

Result<PlanFile> unseal(std::string_view text, std::string_view key, std::string_view instance, SystemTime now) {
  if (!text.starts_with(kMagic))
    return fail(Fault::denied, "this is not a plan file of this version (it does not begin with \"{}\")", kMagic);
  text.remove_prefix(kMagic.size());
  if (text.size() <= kTagSize || text[kTagSize] != '\n') return changed();
  const std::string_view tag = text.substr(0, kTagSize), body = text.substr(kTagSize + 1);
  // Nothing of the body is looked at before the seal holds.
  if (!equal_in_constant_time(tag, tag_of(body, key))) return changed();
  auto file = read_body(body);
  if (!file) return in_context("reading the plan file", std::move(file).error());
  if (file->instance != instance)
    return fail(Fault::denied, "the plan file is of another installation ({}, this is {})", printable(file->instance),
                printable(instance));
  if (now >= file->expires)
    return fail(Fault::denied, "the plan file has expired at {}; plan again", format_time(file->expires));
  return file;
}

}  // namespace plumb::plan
