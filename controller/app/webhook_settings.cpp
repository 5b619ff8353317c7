#include "controller/app/webhook_settings.h"

#include <algorithm>
#include <utility>

#include "controller/base/text.h"
#include "controller/model/secret_source.h"

namespace plumb::app {
namespace {

using Signature = WebhookSettings::Signature;
using Provider = WebhookSettings::Provider;

constexpr std::pair<std::string_view, Provider> kProviders[] = {{"GitHub", Provider::github},
                                                                {"GitLab", Provider::gitlab},
                                                                {"Gitea", Provider::gitea},
                                                                {"Generic", Provider::generic}};
constexpr std::pair<std::string_view, Signature::Algorithm> kAlgorithms[] = {{"SHA256", Signature::Algorithm::sha256},
                                                                             {"SHA512", Signature::Algorithm::sha512}};
constexpr std::pair<std::string_view, Signature::Encoding> kEncodings[] = {{"Hex", Signature::Encoding::hex},
                                                                           {"Base64", Signature::Encoding::base64}};

template <class T, std::size_t N>
Result<T> one_of(const std::pair<std::string_view, T> (&names)[N], const Value& webhook, std::string_view pointer,
                 T otherwise) {
  const auto text = text_at(webhook, pointer);
  if (!text) return otherwise;
  std::vector<std::string> known;
  for (const auto& [name, value] : names) {
    if (name == *text) return value;
    known.emplace_back(name);
  }
  return fail(Fault::invalid, "/spec/webhook{} must be one of {}, not \"{}\"{}", pointer, join(known, ", "),
              printable(*text), did_you_mean(*text, known));
}

Result<Signature> signature_from(const Value& webhook) {
  Signature signature;
  signature.header = text_at(webhook, "/signature/header").value_or(signature.header);
  signature.prefix = text_at(webhook, "/signature/prefix").value_or("");
  signature.timestamp_header = text_at(webhook, "/signature/timestampHeader").value_or("");
  PLUMB_TRY(signature.algorithm, one_of(kAlgorithms, webhook, "/signature/algorithm", signature.algorithm));
  PLUMB_TRY(signature.encoding, one_of(kEncodings, webhook, "/signature/encoding", signature.encoding));
  if (const auto tolerance = text_at(webhook, "/signature/tolerance")) {
    auto span = parse_duration(*tolerance);
    if (!span) return in_context("/spec/webhook/signature/tolerance", std::move(span).error());
    signature.tolerance = *span;
  }
  return signature;
}

bool is_path(std::string_view path) {
  return path.size() > 1 && path.front() == '/' && std::all_of(path.begin(), path.end(), [](char c) {
           return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '/' || c == '-' ||
                  c == '_' || c == '.' || c == '~';
         });
}

}  // namespace

Result<WebhookSettings> webhook_settings(std::string name, std::string_view resource_name, const Value& webhook) {
  WebhookSettings settings;
  settings.name = std::move(name);
  settings.listen = text_at(webhook, "/listen").value_or(settings.listen);
  settings.path = text_at(webhook, "/path").value_or(fmt::format("/hooks/{}", resource_name));
  if (!is_path(settings.path))
    return fail(Fault::invalid, "/spec/webhook/path: \"{}\" is not a path such as /hooks/company",
                printable(settings.path));
  PLUMB_TRY(settings.provider, one_of(kProviders, webhook, "/provider", settings.provider));
  const Value* const source = at(webhook, "/secretFrom");
  if (source == nullptr) return fail(Fault::invalid, "/spec/webhook/secretFrom: it is needed");
  auto reference = secret_reference(*source);
  if (!reference) return in_context("/spec/webhook/secretFrom", std::move(reference).error());
  if (reference->starts_with("sops:"))
    return fail(Fault::invalid, "/spec/webhook/secretFrom: sops is not possible here: its file would be in the source");
  settings.secret_from = std::move(*reference);
  const auto certificates = text_at(webhook, "/tls/certificateFile");
  const auto key = text_at(webhook, "/tls/keyFile");
  if (certificates.has_value() != key.has_value())
    return fail(Fault::invalid, "/spec/webhook/tls: certificateFile and keyFile are both needed");
  if (certificates) settings.tls = net::TlsFiles{*certificates, *key};
  if (at(webhook, "/signature") != nullptr && settings.provider != Provider::generic)
    return fail(Fault::invalid, "/spec/webhook/signature: goes with provider Generic");
  PLUMB_TRY(settings.signature, signature_from(webhook));
  return settings;
}

}  // namespace plumb::app
