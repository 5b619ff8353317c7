#include "controller/schema/envelope.h"

#include <algorithm>

#include <fmt/format.h>

#include "controller/base/text.h"
#include "controller/schema/explain.h"

namespace plumb::schema {
namespace {

bool is_label_character(char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-'; }

bool is_label_text(std::string_view text) {
  return !text.empty() && text.front() != '-' && text.back() != '-' &&
         std::all_of(text.begin(), text.end(), is_label_character);
}

constexpr std::string_view kWrittenByServers[] = {"uid",
                                                  "resourceVersion",
                                                  "generation",
                                                  "creationTimestamp",
                                                  "deletionTimestamp",
                                                  "deletionGracePeriodSeconds",
                                                  "managedFields",
                                                  "selfLink",
                                                  "ownerReferences",
                                                  "finalizers"};

void check_field(const std::string& name, std::vector<Problem>& problems) {
  const bool known_elsewhere =
      std::find(std::begin(kWrittenByServers), std::end(kWrittenByServers), name) != std::end(kWrittenByServers);
  std::string hint = did_you_mean(name, {"name", "namespace", "labels", "annotations"});
  if (known_elsewhere) hint = "; a Kubernetes API server writes it, remove it";
  if (name == "generateName") hint = "; a manifest needs a name of its own in metadata.name";
  problems.push_back(
      {fmt::format("/metadata/{}", pointer_token(name)), fmt::format("unknown field \"{}\"{}", printable(name), hint)});
}

void check_texts(const Value& texts, const std::string& pointer, std::vector<Problem>& problems) {
  if (!texts.is_object()) {
    problems.push_back({pointer, "must be a mapping from texts to texts"});
    return;
  }
  for (const auto& [name, value] : texts.get_object()) {
    if (name.empty()) problems.push_back({pointer + "/", "a name must not be empty"});
    if (!value.is_string())
      problems.push_back(
          {pointer + '/' + pointer_token(name), fmt::format("{} must be a text; put it in quotes", shown(value))});
  }
}

void check_name(const Value& name, std::vector<Problem>& problems) {
  if (!name.is_string()) {
    problems.push_back({"/metadata/name", fmt::format("{} must be a text; put it in quotes", shown(name))});
  } else if (!is_dns_subdomain(name.get_string())) {
    problems.push_back(
        {"/metadata/name", fmt::format("{} must consist of lower-case letters, digits, \"-\" and \".\", begin "
                                       "and end with a letter or digit, and have at most 253 characters "
                                       "(RFC 1123)",
                                       shown(name))});
  }
}

}  // namespace

bool is_dns_label(std::string_view text) { return text.size() <= 63 && is_label_text(text); }

bool is_dns_subdomain(std::string_view text) {
  if (text.empty() || text.size() > 253) return false;
  while (true) {
    const std::size_t dot = text.find('.');
    if (!is_label_text(text.substr(0, dot))) return false;
    if (dot == text.npos) return true;
    text.remove_prefix(dot + 1);
  }
}

void check_metadata(const Value& document, std::vector<Problem>& problems) {
  const Value* metadata = document.get_object().if_contains("metadata");
  if (metadata == nullptr || !metadata->is_object()) {
    problems.push_back({metadata == nullptr ? "" : "/metadata",
                        metadata == nullptr ? "the field \"metadata\" is missing; it holds the name"
                                            : "must be a mapping that holds the name"});
    return;
  }
  bool named = false;
  for (const auto& [key, value] : metadata->get_object()) {
    if (key == "name") {
      named = true;
      check_name(value, problems);
    } else if (key == "namespace") {
      if (!value.is_string() || !is_dns_label(value.get_string()))
        problems.push_back({"/metadata/namespace",
                            fmt::format("{} must consist of lower-case letters, digits and \"-\", begin and end with a "
                                        "letter or digit, and have at most 63 characters (RFC 1123)",
                                        shown(value))});
    } else if (key == "labels" || key == "annotations") {
      check_texts(value, fmt::format("/metadata/{}", std::string_view(key)), problems);
    } else {
      check_field(std::string(key), problems);
    }
  }
  if (!named) problems.push_back({"/metadata", "the field \"name\" is missing"});
}

}  // namespace plumb::schema
