#include "reconcilers/marker.h"

#include <fmt/format.h>

#include "controller/base/digest.h"

namespace plumb {
namespace {

constexpr std::string_view kPrefix = "plumbline:";
constexpr std::size_t kSignature = 32;  // hexadecimal digits

std::string signature(const Installation& installation, std::string_view operation) {
  return hmac_sha256(installation.key, fmt::format("marker\n{}\n{}", installation.id, operation)).substr(0, kSignature);
}

}  // namespace

std::string marker_text(const Installation& installation, std::string_view operation) {
  return fmt::format("{}{}:{}:{}", kPrefix, installation.id, operation, signature(installation, operation));
}

std::string_view installation_in(std::string_view marker) {
  if (!marker.starts_with(kPrefix)) return {};
  marker.remove_prefix(kPrefix.size());
  const auto colon = marker.find(':');
  return colon == std::string_view::npos ? std::string_view() : marker.substr(0, colon);
}

std::string_view operation_in(std::string_view marker, const Installation& installation) {
  if (installation.id.empty() || installation_in(marker) != installation.id) return {};
  const std::string_view rest = marker.substr(kPrefix.size() + installation.id.size() + 1);
  const auto colon = rest.rfind(':');
  if (colon == std::string_view::npos) return {};
  const std::string_view operation = rest.substr(0, colon);
  return equal_in_constant_time(rest.substr(colon + 1), signature(installation, operation)) ? operation
                                                                                            : std::string_view();
}

}  // namespace plumb
