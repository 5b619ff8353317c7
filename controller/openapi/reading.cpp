#include "controller/openapi/reading.h"

#include <algorithm>

#include "controller/base/text.h"

namespace plumb::openapi {
namespace {

constexpr std::size_t kSmallSchema = 48;         // values; a larger one is referred to
constexpr std::size_t kSmallBytes = 2048;        // of its texts
constexpr std::size_t kMaxCopied = 256u << 20u;  // bytes of a model besides its document

// Counts values and bytes until there are more than `most`.
void measure(const Value& value, std::size_t most, std::size_t& values, std::size_t& bytes) {
  if (++values > most) return;
  bytes += sizeof(Value);
  if (const auto* text = value.if_string()) bytes += text->size();
  if (const auto* array = value.if_array())
    for (const Value& element : *array) measure(element, most, values, bytes);
  if (const auto* object = value.if_object()) {
    for (const auto& member : *object) {
      bytes += member.key().size();
      measure(member.value(), most, values, bytes);
    }
  }
}

}  // namespace

void Reading::say(Severity severity, const std::string& pointer, std::string message) {
  if (severity == Severity::error) ++errors_;
  if (diagnostics_.size() > kMaxDiagnostics) return;
  if (diagnostics_.size() == kMaxDiagnostics) message = "there is more; only the first are shown";
  diagnostics_.push_back({severity, {}, pointer, std::move(message)});
}

Node Reading::follow(const Node& node) {
  auto found = openapi::follow(document_, node);
  if (found) return std::move(*found);
  error(node.pointer, "{}", found.error().message);
  return {};
}

Value Reading::take_schema(const Node& schema) {
  schemas_.push_back(schema);
  std::size_t values = 0, bytes = 0;
  measure(*schema.value, kSmallSchema, values, bytes);
  if (values > kSmallSchema || bytes > kSmallBytes + kSmallSchema * sizeof(Value))
    return Object{{"$ref", reference_to(schema.pointer)}};
  if (!spend(bytes, schema.pointer)) return nullptr;
  return *schema.value;
}

Value Reading::copy(const Value& value) {
  std::size_t values = 0, bytes = 0;
  measure(value, SIZE_MAX, values, bytes);
  return spend(bytes, "") ? value : Value(nullptr);
}

bool Reading::spend(std::size_t bytes, const std::string& pointer) {
  spent_ += bytes;
  if (spent_ <= kMaxCopied) return true;
  if (!overspent_)
    error(pointer, "the operations of this document share so much that the model would need more than {} MiB",
          kMaxCopied >> 20u);
  overspent_ = true;
  return false;
}

bool is_token(std::string_view text) {
  return !text.empty() && std::all_of(text.begin(), text.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           std::string_view("!#$%&'*+-.^_`|~").find(c) != std::string_view::npos;
  });
}

bool is_media_type(std::string_view text) {
  const auto slash = text.find('/');
  if (slash == text.npos) return false;
  const auto end = std::min(text.find(';'), text.size());
  if (end < slash) return false;
  std::string_view subtype = text.substr(slash + 1, end - slash - 1);
  while (subtype.ends_with(' ')) subtype.remove_suffix(1);
  return is_token(text.substr(0, slash)) && is_token(subtype) &&
         std::all_of(text.begin(), text.end(), [](char c) { return c >= 0x20 && c < 0x7F; });
}

bool is_forbidden_header(std::string_view name) {
  constexpr std::string_view kNames[] = {"accept",         "authorization",     "connection", "content-encoding",
                                         "content-length", "content-type",      "cookie",     "expect",
                                         "host",           "http2-settings",    "keep-alive", "te",
                                         "trailer",        "transfer-encoding", "upgrade",    "via"};
  const std::string lowered = lower(name);
  return lowered.starts_with("proxy-") || std::find(std::begin(kNames), std::end(kNames), lowered) != std::end(kNames);
}

}  // namespace plumb::openapi
