#include "controller/adapters/git/settings.h"

#include <algorithm>
#include <array>

#include "controller/adapters/git/library.h"
#include "controller/adapters/git/version_range.h"
#include "controller/base/text.h"
#include "controller/model/secret_source.h"
#include "controller/model/setting.h"

namespace plumb::git {
namespace {

constexpr std::array<std::string_view, 4> kSchemes = {"https", "ssh", "git", "file"};

bool is_plain(std::string_view text) {
  return is_utf8(text) && std::ranges::none_of(text, [](char c) {
           const auto byte = static_cast<unsigned char>(c);
           return byte <= ' ' || byte == 0x7f;
         });
}

// What goes to ssh -o as part of a value, where these have a meaning.
bool is_plain_file(std::string_view path) {
  return path.starts_with('/') && path.find_first_of("\"%$\\\n") == std::string_view::npos;
}

Result<Reference> read_reference(const Value& spec) {
  using Kind = Reference::Kind;
  constexpr std::array<std::pair<std::string_view, Kind>, 4> kMembers = {
      {{"branch", Kind::branch}, {"tag", Kind::tag}, {"semver", Kind::semver}, {"commit", Kind::commit}}};
  Reference reference;
  int given = 0;
  for (const auto& [member, kind] : kMembers) {
    const auto text = text_at(spec, fmt::format("/ref/{}", member));
    if (!text) continue;
    ++given;
    reference = {kind, *text};
  }
  if (given > 1) return fail(Fault::invalid, "/spec/ref: only one of branch, tag, semver and commit");
  if (reference.kind == Kind::commit && !is_commit_id(reference.name))
    return fail(Fault::invalid, "/spec/ref/commit: a full commit id of 40 hexadecimal digits is needed");
  if (reference.kind == Kind::semver)
    if (auto range = VersionRange::parse(reference.name); !range)
      return in_context("/spec/ref/semver", std::move(range).error());
  const bool named = reference.kind == Kind::branch || reference.kind == Kind::tag;
  int valid = 1;
  if (named && !reference.name.empty()) git_reference_name_is_valid(&valid, ("refs/heads/" + reference.name).c_str());
  if (valid == 0) return fail(Fault::invalid, "/spec/ref: \"{}\" is not a name of a ref", printable(reference.name));
  return reference;
}

Result<void> read_credentials(const Value& spec, const Url& url, Settings& settings) {
  Credentials& own = settings.credentials;
  own.username = text_at(spec, "/credentials/username").value_or(url.user.empty() ? "git" : url.user);
  PLUMB_TRY(own.password_from, secret_reference_at(spec, "/credentials/passwordFrom"));
  PLUMB_TRY(own.ssh_key_from, secret_reference_at(spec, "/credentials/sshKeyFrom"));
  for (const std::string& reference : {own.password_from, own.ssh_key_from})
    if (reference.starts_with("sops:"))
      return fail(Fault::invalid, "/spec/credentials: sops is not possible here: its file would be in what is fetched");
  own.known_hosts_file = text_at(spec, "/credentials/knownHostsFile").value_or("");
  if (!own.password_from.empty() && url.scheme != "https")
    return fail(Fault::invalid, "/spec/credentials/passwordFrom: is for https:// only");
  if (!own.ssh_key_from.empty() && url.scheme != "ssh")
    return fail(Fault::invalid, "/spec/credentials/sshKeyFrom: is for ssh:// only");
  if (url.scheme == "ssh" && own.ssh_key_from.empty())
    return fail(Fault::invalid, "/spec/credentials/sshKeyFrom: is needed for ssh://");
  if (url.scheme == "ssh" && !url.user.empty() && url.user != own.username)
    return fail(Fault::invalid, "/spec/credentials/username: is not the user of /spec/url");
  for (const std::string& file :
       {own.known_hosts_file, own.ssh_key_from.starts_with("file:") ? own.ssh_key_from.substr(5) : std::string()})
    if (!file.empty() && !is_plain_file(file))
      return fail(Fault::invalid, "/spec/credentials: {}: an absolute path without \", %, $ and \\ is needed",
                  printable(file));
  return {};
}

Result<void> read_keys(const Value& spec, Settings& settings) {
  settings.verify = text_at(spec, "/verify/mode").value_or("None") == "EveryCommit";
  settings.trusted_commit = text_at(spec, "/verify/trustedCommit").value_or("");
  if (!settings.trusted_commit.empty() && !is_commit_id(settings.trusted_commit))
    return fail(Fault::invalid, "/spec/verify/trustedCommit: a full commit id of 40 hexadecimal digits is needed");
  const Value* const keys = at(spec, "/verify/keys");
  const std::size_t count = keys != nullptr && keys->is_array() ? keys->get_array().size() : 0;
  for (std::size_t i = 0; i < count; ++i) {
    const Value& each = keys->get_array()[i];
    SigningKey key{text_at(each, "/name").value_or(""), text_at(each, "/publicKey").value_or(""),
                   text_at(each, "/publicKeyFile").value_or(""), texts_at(each, "/paths")};
    if (key.public_key.empty() == key.public_key_file.empty())
      return fail(Fault::invalid, "/spec/verify/keys/{}: exactly one of publicKey and publicKeyFile is needed", i);
    const bool again =
        std::ranges::any_of(settings.keys, [&](const SigningKey& other) { return other.name == key.name; });
    if (key.name.empty() || again) return fail(Fault::invalid, "/spec/verify/keys/{}/name: is needed, once each", i);
    settings.keys.push_back(std::move(key));
  }
  if (settings.verify && settings.keys.empty())
    return fail(Fault::invalid, "/spec/verify/keys: at least one is needed with mode EveryCommit");
  return {};
}

// Without "." and "..", empty parts and a slash at either end.
Result<std::string> clean_path(const std::string& text) {
  std::vector<std::string> parts;
  std::string part;
  for (const char c : text + "/") {
    if (c != '/') {
      part += c;
      continue;
    }
    if (part == "..") return fail(Fault::invalid, "/spec/path: \"..\" leads out of the repository");
    if (!part.empty() && part != ".") parts.push_back(part);
    part.clear();
  }
  return join(parts, "/");
}

bool matches(std::string_view glob, std::string_view path) {
  while (!glob.empty()) {
    if (glob.starts_with("**")) {
      glob.remove_prefix(2);
      // "**/x" also means x itself.
      if (glob.starts_with('/') && matches(glob.substr(1), path)) return true;
      for (std::size_t i = 0; i <= path.size(); ++i)
        if (matches(glob, path.substr(i))) return true;
      return false;
    }
    if (glob.front() == '*') {
      for (std::size_t i = 0; i <= path.size(); ++i) {
        if (matches(glob.substr(1), path.substr(i))) return true;
        if (i < path.size() && path[i] == '/') return false;
      }
      return false;
    }
    if (path.empty() || (glob.front() == '?' ? path.front() == '/' : glob.front() != path.front())) return false;
    glob.remove_prefix(1);
    path.remove_prefix(1);
  }
  return path.empty();
}

}  // namespace

Result<Url> parse_url(const std::string& text) {
  const auto end_of_scheme = text.find("://");
  if (end_of_scheme == std::string::npos)
    return fail(Fault::invalid, "a URL such as https://host/repository.git or ssh://git@host/path is needed");
  Url url;
  url.scheme = lower(text.substr(0, end_of_scheme));
  if (std::ranges::find(kSchemes, url.scheme) == kSchemes.end())
    return fail(Fault::invalid, "the scheme \"{}\" is not allowed: use https, ssh, git or file", printable(url.scheme));
  const std::string rest = text.substr(end_of_scheme + 3);
  const auto slash = rest.find('/');
  const bool local = url.scheme == "file";
  if (local && slash != 0)
    return fail(Fault::invalid, "file:// takes an absolute path and no host: file:///srv/git/repository.git");
  std::string authority = rest.substr(0, slash);
  url.path = slash == std::string::npos ? "" : rest.substr(slash);
  if (const auto at_sign = authority.rfind('@'); at_sign != std::string::npos) {
    url.user = authority.substr(0, at_sign);
    authority.erase(0, at_sign + 1);
    if (url.user.find(':') != std::string::npos || url.scheme == "https" || url.scheme == "git")
      return fail(Fault::invalid, "credentials do not belong into a URL: name them in spec.credentials, by reference");
  }
  const auto colon = authority.starts_with('[') ? authority.find("]:") : authority.rfind(':');
  if (colon != std::string::npos) {
    const std::size_t port = authority[colon] == ']' ? colon + 2 : colon + 1;
    url.port = authority.substr(port);
    authority.erase(port - 1);
    if (url.port.empty() || url.port.size() > 5 || url.port.find_first_not_of("0123456789") != std::string::npos)
      return fail(Fault::invalid, "the port is not a number");
  }
  url.host = authority;
  constexpr std::string_view kNames = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-_:[]";
  if ((url.host.empty() && !local) || url.host.find_first_not_of(kNames) != std::string::npos ||
      url.host.starts_with('-'))
    return fail(Fault::invalid, "the host of the URL is missing or holds what no name can");
  if (url.path.size() < 2 || !is_plain(url.path) || url.user.starts_with('-') || !is_plain(url.user))
    return fail(Fault::invalid, "the URL lacks a path, or holds spaces or control characters");
  return url;
}

Result<Settings> git_settings(const Resource& resource) {
  start_library();
  const Value& spec = resource.spec;
  Settings settings;
  settings.key = resource.key;
  settings.url = text_at(spec, "/url").value_or("");
  auto url = parse_url(settings.url);
  if (!url) return in_context("/spec/url", std::move(url).error());
  PLUMB_TRY(settings.ref, read_reference(spec));
  PLUMB_TRY(settings.path, clean_path(text_at(spec, "/path").value_or("")));
  PLUMB_CHECK(read_credentials(spec, *url, settings));
  settings.ca_file = text_at(spec, "/caFile").value_or("");
  PLUMB_TRY(settings.timeout, span_at(spec, "/timeout", std::chrono::seconds(60)));
  PLUMB_TRY(settings.interval, span_at(spec, "/interval", std::chrono::seconds(60)));
  PLUMB_CHECK(read_keys(spec, settings));
  if (const auto text = text_at(spec, "/acceptRewind")) {
    auto rewind = parse_rewind(*text);
    if (!rewind) return in_context("/spec/acceptRewind", std::move(rewind).error());
    settings.accept = std::move(*rewind);
  }
  return settings;
}

Result<Rewind> parse_rewind(const std::string& text) {
  const auto dots = text.find("..");
  Rewind rewind;
  if (dots != std::string::npos) rewind = {text.substr(0, dots), text.substr(dots + 2)};
  if (!is_commit_id(rewind.from) || !is_commit_id(rewind.to))
    return fail(Fault::invalid, "\"OLD..NEW\" with two full commit ids is needed, as the refusal gives it");
  return rewind;
}

bool matches_any(const std::vector<std::string>& globs, std::string_view path) {
  if (globs.empty()) return true;
  return std::ranges::any_of(globs, [&](const std::string& glob) {
    return glob.ends_with('/') ? path.starts_with(glob) : matches(glob, path);
  });
}

}  // namespace plumb::git
