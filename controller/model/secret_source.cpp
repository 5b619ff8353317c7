#include "controller/model/secret_source.h"

#include <algorithm>
#include <array>
#include <string_view>

namespace plumb {
namespace {

bool is_plain(std::string_view text) {
  return !text.empty() && std::ranges::none_of(text, [](unsigned char c) { return c < ' ' || c == 127; });
}

// A name without what would make it another reference.
bool is_name(std::string_view text) { return is_plain(text) && text.find_first_of("/#?:=") == std::string_view::npos; }

Result<std::string> text_in(const Value& source, std::string_view pointer) {
  auto text = text_at(source, pointer);
  if (!text || !is_plain(*text))
    return fail(Fault::invalid, "{}: a text without control characters is needed", pointer);
  return std::move(*text);
}

Result<std::string> named(const Value& source, std::string_view scheme) {
  const std::string pointer = fmt::format("/{}", scheme);
  PLUMB_TRY(const std::string name, text_in(source, pointer));
  if (!is_name(name)) return fail(Fault::invalid, "{}: \"{}\" is no name", pointer, name);
  return fmt::format("{}:{}", scheme, name);
}

Result<std::string> file_reference(const Value& source) {
  auto path = text_in(source, "/file");
  if (!path) return path;
  if (!path->starts_with('/')) return fail(Fault::invalid, "/file: \"{}\" is not an absolute path", *path);
  return "file:" + *path;
}

Result<std::string> sops_reference(const Value& source) {
  PLUMB_TRY(const std::string key, text_in(source, "/sops/key"));
  if (!key.starts_with('/')) return fail(Fault::invalid, "/sops/key: \"{}\" is not a JSON Pointer", key);
  const auto digest = text_at(source, "/sops/sha256");
  // The loader puts it there when it finds the file in the source.
  if (!digest)
    return fail(Fault::invalid, "/sops/file: \"{}\" is not a file of the source",
                text_at(source, "/sops/file").value_or(""));
  if (digest->size() != 64 || digest->find_first_not_of("0123456789abcdef") != std::string::npos)
    return fail(Fault::invalid, "/sops/sha256: not a SHA-256");
  return fmt::format("sops:{}#{}", *digest, key);
}

Result<std::string> vault_reference(const Value& source) {
  PLUMB_TRY(const std::string path, text_in(source, "/vault/path"));
  if (path.find_first_of("#?") != std::string::npos || path.starts_with('/') || path.find('/') == std::string::npos)
    return fail(Fault::invalid, "/vault/path: \"{}\" is not \"mount/name\"", path);
  PLUMB_TRY(const std::string key, text_in(source, "/vault/key"));
  if (key.find_first_of("#?") != std::string::npos)
    return fail(Fault::invalid, "/vault/key: \"{}\" has a \"#\" or \"?\"", key);
  const std::string reference = fmt::format("vault:{}#{}", path, key);
  if (at(source, "/vault/version") == nullptr) return reference;
  const auto version = int_at(source, "/vault/version");
  if (!version || *version < 1) return fail(Fault::invalid, "/vault/version: a whole number from 1 on is needed");
  return fmt::format("{}?version={}", reference, *version);
}

struct Kind {
  std::string_view member;
  Result<std::string> (*reference)(const Value& source);
};
constexpr std::array kKinds = {
    Kind{"env", [](const Value& source) { return named(source, "env"); }},
    Kind{"file", file_reference},
    Kind{"systemd", [](const Value& source) { return named(source, "systemd"); }},
    Kind{"sops", sops_reference},
    Kind{"vault", vault_reference},
    Kind{"connector", [](const Value& source) { return named(source, "connector"); }},
};

}  // namespace

Result<std::string> secret_reference(const Value& source) {
  const Object* object = source.if_object();
  if (object == nullptr || object->size() != 1)
    return fail(Fault::invalid, "exactly one of env, file, systemd, sops, vault and connector is needed");
  const std::string_view member = object->begin()->key();
  const auto* kind = std::ranges::find(kKinds, member, &Kind::member);
  if (kind == kKinds.end())
    return fail(Fault::invalid, "\"{}\" is none of env, file, systemd, sops, vault and connector", member);
  return kind->reference(source);
}

Result<std::string> secret_reference_at(const Value& spec, const std::string& pointer) {
  const Value* const source = at(spec, pointer);
  if (source == nullptr) return std::string();
  auto reference = secret_reference(*source);
  if (!reference) return in_context("/spec" + pointer, std::move(reference).error());
  return reference;
}

}  // namespace plumb
