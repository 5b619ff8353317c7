#include "controller/adapters/git/remote.h"

#include <cerrno>
#include <cstring>
#include <fstream>
#include <mutex>
#include <optional>

#include <fcntl.h>
#include <pwd.h>
#include <sys/stat.h>
#include <unistd.h>

#include "controller/adapters/git/program_transport.h"
#include "controller/adapters/git/socket_stream.h"
#include "controller/adapters/git/version_range.h"
#include "controller/base/text.h"

namespace plumb::git {
namespace {

constexpr std::uint64_t kPackLimit = 4ULL << 30;  // bytes that one fetch may bring
constexpr const char* kSystemAuthorities = "/etc/ssl/certs/ca-certificates.crt";

// The authorities that libgit2 trusts are global to it, so one https:// connection at a time.
std::timed_mutex& tls_mutex() {
  static std::timed_mutex mutex;
  return mutex;
}

// What the callbacks of one connection know.
struct Connection {
  const Settings& settings;
  const Secret& password;
  std::optional<Program> program;
  Deadline deadline;
  bool asked_for_password = false;
  std::string refusal;  // what a callback ended the connection for
};

int sign_in(git_credential** out, const char*, const char*, unsigned int allowed, void* payload) {
  auto& own = *static_cast<Connection*>(payload);
  if (own.password.empty() || (allowed & GIT_CREDENTIAL_USERPASS_PLAINTEXT) == 0) {
    own.refusal = "the server asks for a sign-in; set spec.credentials.passwordFrom";
    return GIT_EAUTH;
  }
  if (own.asked_for_password) {
    own.refusal =
        fmt::format("the server refuses the password of user \"{}\"", printable(own.settings.credentials.username));
    return GIT_EAUTH;
  }
  own.asked_for_password = true;
  return git_credential_userpass_plaintext_new(out, own.settings.credentials.username.c_str(),
                                               std::string(own.password.reveal()).c_str());
}

int check_certificate(git_cert*, int valid, const char*, void* payload) {
  if (valid != 0) return 0;
  auto& own = *static_cast<Connection*>(payload);
  own.refusal = fmt::format("the server's certificate is not trusted ({}); see spec.caFile", last_words());
  return GIT_ECERTIFICATE;
}

int make_transport(git_transport** out, git_remote* owner, void* payload) {
  return make_program_transport(out, owner, *static_cast<Connection*>(payload)->program);
}

// Called often while a pack comes in and while a remote computes one.
int still_in_time(Connection& own, std::uint64_t received) {
  if (received > kPackLimit) own.refusal = fmt::format("the remote sent more than {} bytes", kPackLimit);
  if (own.refusal.empty() && has_passed(own.deadline)) own.refusal = "it did not end in time";
  return own.refusal.empty() ? 0 : GIT_EUSER;
}
int transfer_progress(const git_indexer_progress* stats, void* payload) {
  return still_in_time(*static_cast<Connection*>(payload), stats->received_bytes);
}
int sideband_progress(const char*, int, void* payload) { return still_in_time(*static_cast<Connection*>(payload), 0); }

Failure remote_failure(int code, const Connection& own, std::string_view attempted) {
  const std::string why = own.refusal.empty() ? last_words() : own.refusal;
  Fault fault = Fault::unavailable;
  if (code == GIT_EAUTH || code == GIT_ECERTIFICATE) fault = Fault::denied;
  if (own.program && (why.find("Host key verification failed") != std::string::npos ||
                      why.find("Permission denied") != std::string::npos))
    fault = Fault::denied;
  if (has_passed(own.deadline)) fault = Fault::timeout;
  return fail(fault, "{} {}: {}", attempted, own.settings.url, why);
}

// A private key in a file of its own, gone with the object.
class KeyFile {
 public:
  static Result<KeyFile> make(const std::filesystem::path& directory, const Secret& key) {
    std::string path = (directory / "key-XXXXXX").string();
    const int fd = ::mkostemp(path.data(), O_CLOEXEC);  // mode 0600
    if (fd < 0) return fail(Fault::unavailable, "{}: {}", path, std::strerror(errno));
    KeyFile file(path);
    std::string_view rest = key.reveal();
    // ssh takes no key whose last line does not end.
    const bool done = ::write(fd, rest.data(), rest.size()) == static_cast<ssize_t>(rest.size()) &&
                      (rest.ends_with('\n') || ::write(fd, "\n", 1) == 1);
    ::close(fd);
    if (!done) return fail(Fault::unavailable, "{}: {}", path, std::strerror(errno));
    return file;
  }
  ~KeyFile() {
    if (!path_.empty()) ::unlink(path_.c_str());
  }
  KeyFile(KeyFile&& other) noexcept : path_(std::exchange(other.path_, {})) {}
  KeyFile& operator=(KeyFile&&) = delete;
  const std::string& path() const { return path_; }

 private:
  explicit KeyFile(std::string path) : path_(std::move(path)) {}
  std::string path_;
};

std::string known_hosts_of(const Credentials& credentials) {
  if (!credentials.known_hosts_file.empty()) return credentials.known_hosts_file;
  const passwd* const own = ::getpwuid(::getuid());
  return std::string(own == nullptr ? "/nonexistent" : own->pw_dir) + "/.ssh/known_hosts";
}

Result<std::unique_lock<std::timed_mutex>> trust(const std::string& ca_file, const Deadline& deadline) {
  std::unique_lock lock(tls_mutex(), std::defer_lock);
  if (deadline.at == SteadyTime::max()) {
    lock.lock();
  } else if (!lock.try_lock_until(deadline.at)) {
    return fail(Fault::timeout, "another Git source kept its connection for too long");
  }
  const char* const file = ca_file.empty() ? kSystemAuthorities : ca_file.c_str();
  if (git_libgit2_opts(GIT_OPT_SET_SSL_CERT_LOCATIONS, file, nullptr) != 0)
    return fail(Fault::unavailable, "the certificates of {} cannot be read: {}", file, last_words());
  return lock;
}

Result<Advertised> list(git_remote* remote) {
  const git_remote_head** heads = nullptr;
  std::size_t count = 0;
  if (const int code = git_remote_ls(&heads, &count, remote); code != 0) return failure(code, "listing the refs");
  Advertised advertised;
  for (std::size_t i = 0; i < count; ++i) {
    const git_remote_head& head = *heads[i];
    advertised.refs[head.name] = to_text(head.oid);
    if (std::string_view(head.name) == "HEAD" && head.symref_target != nullptr) advertised.head = head.symref_target;
  }
  return advertised;
}

Result<bool> is_there(git_repository* repository, const Chosen& chosen) {
  PLUMB_TRY(const git_oid id, parse_id(chosen.id));
  git_object* present = nullptr;
  if (git_object_lookup(&present, repository, &id, GIT_OBJECT_ANY) != 0) return false;
  git_object_free(present);
  return true;
}

Result<Chosen> choose_tag(const Advertised& advertised, const std::string& name) {
  const std::string full = "refs/tags/" + name;
  const auto tag = advertised.refs.find(full);
  if (tag == advertised.refs.end())
    return fail(Fault::unavailable, "there is no tag \"{}\" on the remote", printable(name));
  const auto commit = advertised.refs.find(full + "^{}");
  return Chosen{{{full, tag->second}}, commit == advertised.refs.end() ? tag->second : commit->second};
}

Result<Chosen> choose_version(const Advertised& advertised, const std::string& text) {
  PLUMB_TRY(const VersionRange range, VersionRange::parse(text));
  std::optional<Version> best;
  std::string name;
  constexpr std::string_view kTags = "refs/tags/";
  for (const auto& [full, id] : advertised.refs) {
    if (!full.starts_with(kTags) || full.ends_with("^{}")) continue;
    auto version = Version::parse(full.substr(kTags.size()));
    if (!version || !range.contains(*version) || (best && *version <= *best)) continue;
    best = std::move(version);
    name = full.substr(kTags.size());
  }
  if (!best) return fail(Fault::unavailable, "no tag on the remote is a version within \"{}\"", printable(text));
  return choose_tag(advertised, name);
}

}  // namespace

Result<Chosen> choose(const Reference& reference, const Advertised& advertised) {
  switch (reference.kind) {
    case Reference::Kind::branch: {
      const std::string full = reference.name.empty() ? advertised.head : "refs/heads/" + reference.name;
      const auto found = advertised.refs.find(full);
      if (found != advertised.refs.end()) return Chosen{{{full, found->second}}, found->second};
      if (reference.name.empty())
        return fail(Fault::unavailable, "the remote's HEAD names no branch; set spec.ref.branch");
      return fail(Fault::unavailable, "there is no branch \"{}\" on the remote; it was deleted or never was",
                  printable(reference.name));
    }
    case Reference::Kind::tag: return choose_tag(advertised, reference.name);
    case Reference::Kind::semver: return choose_version(advertised, reference.name);
    case Reference::Kind::commit: {
      Chosen chosen{{}, reference.name};
      for (const auto& [full, id] : advertised.refs)
        if ((full.starts_with("refs/heads/") || full.starts_with("refs/tags/")) && !full.ends_with("^{}"))
          chosen.refs.emplace(full, id);
      return chosen;
    }
  }
  return fail(Fault::internal, "unknown kind of ref");
}

template <class Use>
auto Remote::connected(git_repository* repository, Purpose purpose, Deadline deadline, Use use)
    -> decltype(use(static_cast<git_remote*>(nullptr), std::declval<const git_remote_callbacks&>())) {
  PLUMB_TRY(const Url url, parse_url(settings_.url));
  deadline.at = std::min(deadline.at, std::chrono::steady_clock::now() + settings_.timeout);
  const Credentials& credentials = settings_.credentials;
  Secret password;
  if (!credentials.password_from.empty()) {
    PLUMB_TRY(password, secrets_.fetch(credentials.password_from));
  }
  std::optional<KeyFile> key;
  SshOptions ssh{url, credentials.username, "", known_hosts_of(credentials)};
  if (url.scheme == "ssh" && credentials.ssh_key_from.starts_with("file:")) {
    ssh.key_file = credentials.ssh_key_from.substr(5);
  } else if (url.scheme == "ssh") {
    PLUMB_TRY(const Secret material, secrets_.fetch(credentials.ssh_key_from));
    PLUMB_TRY(KeyFile file, KeyFile::make(home_, material));
    ssh.key_file = file.path();
    key.emplace(std::move(file));
  }
  std::unique_lock<std::timed_mutex> lock;
  if (url.scheme == "https") {
    PLUMB_TRY(lock, trust(settings_.ca_file, deadline));
  }
  const bool in_brackets = url.host.starts_with('[');
  const NetworkScope network(deadline, in_brackets ? url.host.substr(1, url.host.size() - 2) : url.host,
                             !url.port.empty()       ? url.port
                             : url.scheme == "https" ? "443"
                                                     : "9418");
  Connection own{settings_, password, {}, deadline, false, ""};
  std::vector<std::string> command;
  if (url.scheme == "ssh") command = ssh_command(ssh, deadline);
  if (url.scheme == "file" && purpose == Purpose::download) command = local_command(url);
  if (!command.empty()) own.program = Program{std::move(command), home_.string(), deadline};

  git_remote* made = nullptr;
  // The rewriting of URLs by configuration is not wanted, and looking for it leaks 20 kB each time (libgit2 1.5
  // does not free a match that fails).
  git_remote_create_options creation = GIT_REMOTE_CREATE_OPTIONS_INIT;
  creation.repository = repository;
  creation.flags = GIT_REMOTE_CREATE_SKIP_INSTEADOF | GIT_REMOTE_CREATE_SKIP_DEFAULT_FETCHSPEC;
  // libgit2 knows schemes in small letters only.
  const std::string spelled = url.scheme + settings_.url.substr(url.scheme.size());
  const int code = git_remote_create_with_opts(&made, spelled.c_str(), repository == nullptr ? nullptr : &creation);
  if (code != 0) return failure(code, settings_.url);
  const RemoteHandle remote(made);
  git_remote_connect_options options = GIT_REMOTE_CONNECT_OPTIONS_INIT;
  options.follow_redirects = GIT_REMOTE_REDIRECT_NONE;  // to no other host; see NetworkScope for the port
  options.callbacks.payload = &own;
  options.callbacks.credentials = sign_in;
  options.callbacks.certificate_check = check_certificate;
  options.callbacks.transfer_progress = transfer_progress;
  options.callbacks.sideband_progress = sideband_progress;
  if (own.program) options.callbacks.transport = make_transport;
  if (const int refused = git_remote_connect_ext(remote.get(), GIT_DIRECTION_FETCH, &options); refused != 0)
    return remote_failure(refused, own, "connecting to");
  auto result = use(remote.get(), options.callbacks);
  if (!result && (!own.refusal.empty() || has_passed(deadline))) return remote_failure(0, own, "reading from");
  return result;
}

Result<Advertised> Remote::look(Deadline deadline) {
  return connected(nullptr, Purpose::look, deadline,
                   [](git_remote* remote, const git_remote_callbacks&) { return list(remote); });
}

Result<Chosen> Remote::fetch(git_repository* repository, Deadline deadline) {
  PLUMB_TRY(const Url url, parse_url(settings_.url));
  if (url.scheme == "file") {  // to look costs a tenth of what it costs to start git
    PLUMB_TRY(const Advertised advertised, look(deadline));
    PLUMB_TRY(Chosen chosen, choose(settings_.ref, advertised));
    PLUMB_TRY(const bool there, is_there(repository, chosen));
    if (there) return chosen;
  }
  return connected(repository, Purpose::download, deadline,
                   [&](git_remote* remote, const git_remote_callbacks& callbacks) -> Result<Chosen> {
                     PLUMB_TRY(const Advertised advertised, list(remote));
                     PLUMB_TRY(Chosen chosen, choose(settings_.ref, advertised));
                     PLUMB_TRY(const bool there, is_there(repository, chosen));
                     if (there) return chosen;
                     std::vector<char*> names;
                     for (const auto& [name, each] : chosen.refs) names.push_back(const_cast<char*>(name.c_str()));
                     const git_strarray refspecs{names.data(), names.size()};
                     git_fetch_options options = GIT_FETCH_OPTIONS_INIT;
                     options.callbacks = callbacks;
                     options.follow_redirects = GIT_REMOTE_REDIRECT_NONE;
                     options.download_tags = GIT_REMOTE_DOWNLOAD_TAGS_NONE;
                     if (const int code = git_remote_download(remote, &refspecs, &options); code != 0)
                       return fail(Fault::unavailable, "fetching from {}: {}", settings_.url, last_words());
                     return chosen;
                   });
}

}  // namespace plumb::git
