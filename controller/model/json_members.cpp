#include "controller/model/json_members.h"

#include "controller/base/digest.h"
#include "controller/base/text.h"

namespace plumb::json {

Value bytes(std::string_view bytes) {
  if (is_utf8(bytes)) return Value(boost::json::string_view(bytes));
  return Object{{"base64", base64(bytes)}};
}

std::optional<std::string> bytes_from(const Value& value) {
  if (value.is_string()) return std::string(value.get_string());
  const auto* object = value.if_object();
  if (object == nullptr || object->size() != 1 || !object->contains("base64")) return {};
  const auto* text = object->at("base64").if_string();
  if (text == nullptr) return {};
  return from_base64(*text);
}

Members::Members(const Value& json, std::string_view what) : object_(json.if_object()), what_(what) {
  if (object_ == nullptr) fail_with({Fault::invalid, fmt::format("{} must be a JSON object", what_), {}});
}

const Value* Members::take(std::string_view name) {
  if (object_ == nullptr) return nullptr;
  taken_.emplace(name);
  return object_->if_contains(name);
}

bool Members::has(std::string_view name) const { return object_ != nullptr && object_->contains(name); }

void Members::read(std::string_view name, std::string& to) {
  const Value* value = take(name);
  if (value == nullptr) return;
  if (auto text = bytes_from(*value)) {
    to = std::move(*text);
  } else {
    bad(name, "is not a text");
  }
}

void Members::read(std::string_view name, bool& to) {
  const Value* value = take(name);
  if (value == nullptr) return;
  if (value->is_bool()) {
    to = value->get_bool();
  } else {
    bad(name, "is not true or false");
  }
}

void Members::read(std::string_view name, int& to) {
  std::int64_t number = to;
  read(name, number);
  to = static_cast<int>(number);
  if (to != number) bad(name, "is too large");
}

void Members::read(std::string_view name, std::int64_t& to) {
  const Value* value = take(name);
  if (value == nullptr) return;
  if (value->is_int64()) {
    to = value->get_int64();
  } else {
    bad(name, "is not a whole number");
  }
}

void Members::read(std::string_view name, std::uint64_t& to) {
  const Value* value = take(name);
  if (value == nullptr) return;
  if (value->is_uint64()) {
    to = value->get_uint64();
  } else if (value->is_int64() && value->get_int64() >= 0) {
    to = static_cast<std::uint64_t>(value->get_int64());
  } else {
    bad(name, "is not a whole number, zero or larger");
  }
}

void Members::read(std::string_view name, std::vector<std::string>& to) {
  const Value* value = take(name);
  if (value == nullptr) return;
  if (!value->is_array()) return bad(name, "is not an array");
  for (const Value& item : value->get_array()) {
    auto text = bytes_from(item);
    if (!text) return bad(name, "has an item that is not a text");
    to.push_back(std::move(*text));
  }
}

void Members::require(std::string_view name) {
  if (!has(name)) bad(name, "is missing");
}

void Members::bad(std::string_view name, std::string_view why) {
  fail_with({Fault::invalid, fmt::format("in {}: \"{}\" {}", what_, printable(name), why), {}});
}

void Members::fail_with(Error error) {
  if (!error_) error_ = std::move(error);
}

Result<void> Members::finish() {
  if (object_ != nullptr)
    for (const auto& member : *object_)
      if (!taken_.contains(std::string_view(member.key()))) bad(member.key(), "is not known");
  if (error_) return Failure(*error_);
  return {};
}

}  // namespace plumb::json
