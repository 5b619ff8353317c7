#include "controller/adapters/git/git_source.h"

#include <sys/stat.h>

#include <algorithm>

#include "controller/adapters/git/commit_rules.h"
#include "controller/adapters/git/private_directory.h"
#include "controller/adapters/git/process.h"
#include "controller/adapters/git/remote.h"
#include "controller/adapters/git/repository_history.h"
#include "controller/adapters/git/tree.h"
#include "controller/base/digest.h"
#include "controller/base/log.h"
#include "controller/base/text.h"

namespace plumb::git {
namespace {

namespace fs = std::filesystem;

// The last commit taken; the one guard against going back that survives a restart.
constexpr const char* kAccepted = "refs/plumbline/applied";

Result<RepositoryHandle> open_store(const fs::path& path) {
  git_repository* repository = nullptr;
  if (const int code = git_repository_open_bare(&repository, path.c_str()); code != 0)
    return failure(code, "opening " + path.string());
  return RepositoryHandle(repository);
}

Result<void> make_store(const fs::path& path) {
  std::error_code error;
  if (fs::exists(path / "HEAD", error)) return {};
  fs::create_directories(path, error);
  if (error) return fail(Fault::unavailable, "{}: {}", path.string(), error.message());
  ::chmod(path.c_str(), 0700);
  git_repository_init_options options = GIT_REPOSITORY_INIT_OPTIONS_INIT;
  options.flags = GIT_REPOSITORY_INIT_BARE;
  options.mode = 0700;
  git_repository* made = nullptr;
  if (const int code = git_repository_init_ext(&made, path.c_str(), &options); code != 0)
    return failure(code, "making " + path.string());
  const RepositoryHandle repository(made);
  // So that "HEAD" means something in the past: the last commit taken.
  git_reference* head = nullptr;
  const int code = git_reference_symbolic_create(&head, made, "HEAD", kAccepted, 1, "plumbline");
  const ReferenceHandle owned(head);
  if (code != 0) return failure(code, "making " + path.string());
  return {};
}

// Every fetch leaves a pack, and looking for an object goes through all of them. Merging needs the git program; without
// it, and if it fails, only time is lost. For the one that remembers, before it has the store open: libgit2 does not
// let go of packs. A command that only looks meanwhile may fail and has to be repeated.
void merge_packs(const fs::path& store, const std::string& home) {
  constexpr std::ptrdiff_t kTooMany = 50;
  std::error_code error;
  const auto packs = std::count_if(fs::directory_iterator(store / "objects/pack", error), fs::directory_iterator(),
                                   [](const auto& each) { return each.path().extension() == ".pack"; });
  if (packs < kTooMany || !can_be_run(kGit)) return;
  const Deadline deadline{std::chrono::steady_clock::now() + std::chrono::seconds(30)};
  const auto merged =
      run({kGit, "--git-dir=" + store.string(), "repack", "--geometric=2", "-d", "-q"}, home, "", "", deadline);
  if (!merged || merged->code != 0)
    log::warning("git.packs", "{} packs of {} were not merged: {}", packs, store.string(),
                 merged ? printable(merged->errors) : merged.error().message);
}

}  // namespace

struct GitSource::State {
  State(Settings own, std::unique_ptr<PrivateDirectory> directory, bool remembers, SecretStore& secrets)
      : settings(std::move(own)),
        home(std::move(directory)),
        remember(remembers),
        remote(settings, secrets, home->path()) {}

  Result<std::optional<git_oid>> accepted() const {
    git_oid id;
    const int code = git_reference_name_to_id(&id, repository.get(), kAccepted);
    if (code == GIT_ENOTFOUND) return std::optional<git_oid>();
    if (code != 0) return failure(code, kAccepted);
    return std::optional(id);
  }

  Result<void> point(const std::string& name, const git_oid& id) const {
    git_reference* reference = nullptr;
    const int code = git_reference_create(&reference, repository.get(), name.c_str(), &id, 1, "plumbline");
    const ReferenceHandle owned(reference);
    if (code != 0) return failure(code, "setting " + name);
    return {};
  }

  // The commit that the remote's ref is, with its objects here.
  Result<CommitHandle> fetch(Deadline deadline) {
    const bool pinned = settings.ref.kind == Reference::Kind::commit;
    if (pinned) {
      PLUMB_TRY(const git_oid id, parse_id(settings.ref.name));
      if (auto here = find_commit(repository.get(), id)) return here;
    }
    PLUMB_TRY(const Chosen chosen, remote.fetch(repository.get(), deadline));
    for (const auto& [name, hex] : chosen.refs) {
      PLUMB_TRY(const git_oid id, parse_id(hex));
      std::ignore = point(name, id);  // a name for people; a tag object that is not here has none
    }
    PLUMB_TRY(const git_oid id, parse_id(chosen.id));
    git_object* object = nullptr;
    if (git_object_lookup(&object, repository.get(), &id, GIT_OBJECT_ANY) != 0)
      return fail(Fault::unavailable, "commit {} is on no branch and no tag of {}", shortened(chosen.id), settings.url);
    const ObjectHandle owned(object);
    git_object* commit = nullptr;
    if (git_object_peel(&commit, object, GIT_OBJECT_COMMIT) != 0)
      return fail(Fault::unavailable, "{} of {} is not a commit", chosen.id, settings.url);
    return CommitHandle(reinterpret_cast<git_commit*>(commit));
  }

  bool is_allowed(const std::string& from, const std::string& to) const {
    for (const auto& each : {settings.accept, allowed})
      if (each && each->from == from && each->to == to) return true;
    return false;
  }

  // Whether `to` may follow `from`.
  Result<void> check_descent(const git_oid& from, const git_oid& to) const {
    if (git_oid_equal(&from, &to) != 0) return {};
    if (settings.ref.kind == Reference::Kind::commit) return {};  // a person named this very commit
    const int descends = git_graph_descendant_of(repository.get(), &to, &from);
    if (descends == 1) return {};
    const std::string old_id = to_text(from), new_id = to_text(to);
    if (is_allowed(old_id, new_id)) {
      log::warning("git.rewind", "{} goes from {} to {}, which a person allowed", settings.url, old_id, new_id);
      return {};
    }
    git_oid common;
    const bool here = git_odb_exists_of(from);
    const bool back = here && git_graph_descendant_of(repository.get(), &from, &to) == 1;
    const bool related = here && git_merge_base(&common, repository.get(), &from, &to) == 0;
    const char* const what = back      ? "was rolled back"
                             : related ? "was rewritten (force-pushed, or moved to another line)"
                                       : "has another history, with no commit in common";
    return fail(
        Fault::denied,
        "{} {}: commit {} does not descend from {}, the last one taken; nothing of it is applied. To allow this "
        "one move, say `plumbline source accept {}`, or set spec.acceptRewind to \"{}..{}\"",
        describe(), what, shortened(new_id), shortened(old_id), shortened(new_id), old_id, new_id);
  }

  bool git_odb_exists_of(const git_oid& id) const {
    git_odb* odb = nullptr;
    if (git_repository_odb(&odb, repository.get()) != 0) return false;
    const OdbHandle owned(odb);
    return git_odb_exists(odb, &id) == 1;
  }

  std::string describe() const {
    switch (settings.ref.kind) {
      case Reference::Kind::branch:
        return fmt::format("branch \"{}\" of {}", settings.ref.name.empty() ? "HEAD" : settings.ref.name, settings.url);
      case Reference::Kind::tag: return fmt::format("tag \"{}\" of {}", settings.ref.name, settings.url);
      case Reference::Kind::semver:
        return fmt::format("the newest version within \"{}\" of {}", settings.ref.name, settings.url);
      case Reference::Kind::commit: break;
    }
    return fmt::format("commit {} of {}", shortened(settings.ref.name), settings.url);
  }

  Result<void> check(const std::string& since, const git_oid& to, Deadline deadline) const {
    PLUMB_TRY(std::optional<git_oid> from, accepted());
    // The repository may have been lost; the caller still knows what was applied.
    if (!from && is_commit_id(since)) {
      PLUMB_TRY(const git_oid id, parse_id(since));
      from = id;
    }
    if (from) PLUMB_CHECK(check_descent(*from, to));
    if (verifier == nullptr) return {};
    if (from && git_odb_exists_of(*from))
      return check_commits(repository.get(), *verifier, from, to, settings.path, deadline);
    std::optional<git_oid> trusted;
    if (!settings.trusted_commit.empty()) {
      PLUMB_TRY(const git_oid id, parse_id(settings.trusted_commit));
      if (git_graph_descendant_of(repository.get(), &to, &id) != 1 && git_oid_equal(&id, &to) == 0)
        return fail(Fault::denied, "{} does not descend from spec.verify.trustedCommit {}", describe(),
                    shortened(settings.trusted_commit));
      trusted = id;
    }
    return check_commits(repository.get(), *verifier, trusted, to, settings.path, deadline);
  }

  // The commit of `since`, with `unreadable` as it is there; null: not known.
  CommitHandle start_of(const std::string& since, Deadline deadline) {
    if (!is_commit_id(since)) return nullptr;
    const auto id = parse_id(since);
    auto commit = id ? find_commit(repository.get(), *id) : Result<CommitHandle>(fail(Fault::invalid, "no id"));
    if (!commit) return nullptr;
    if (since == given) return std::move(*commit);
    unreadable.clear();
    if (!compare_trees(repository.get(), nullptr, commit->get(), settings.path, {}, unreadable, deadline))
      return nullptr;
    return std::move(*commit);
  }

  Result<TreeDelta> read(const std::string& since, Deadline deadline) {
    PLUMB_TRY(const CommitHandle commit, fetch(deadline));
    const git_oid id = *git_commit_id(commit.get());
    PLUMB_CHECK(check(since, id, deadline));
    const CommitHandle from = start_of(since, deadline);
    PLUMB_TRY(TreeDelta delta,
              compare_trees(repository.get(), from.get(), commit.get(), settings.path, {}, unreadable, deadline));
    if (remember) PLUMB_CHECK(point(kAccepted, id));
    given = delta.revision;
    return delta;
  }

  const Settings settings;
  const std::unique_ptr<PrivateDirectory> home;
  const bool remember;
  std::unique_ptr<Verifier> verifier;  // null: signatures are not asked for
  RepositoryHandle repository;
  Remote remote;
  std::optional<Rewind> allowed;
  std::string given;  // what `read` handed out last, and what is unreadable there
  Unreadable unreadable;
  std::unique_ptr<RepositoryHistory> history;
};

GitSource::GitSource(std::unique_ptr<State> state) : state_(std::move(state)) {}
GitSource::~GitSource() = default;

Result<std::unique_ptr<GitSource>> GitSource::open(Settings settings, const GitSourceOptions& options,
                                                   SecretStore& secrets) {
  start_library();
  const std::string name = sha256(settings.url + '\n' + to_string(settings.key)).substr(0, 16);
  const fs::path directory = options.state_directory / "git" / name;
  const fs::path objects = directory / "objects.git";
  PLUMB_TRY(auto home, PrivateDirectory::make(directory));
  auto state = std::make_unique<State>(std::move(settings), std::move(home), options.remember, secrets);
  PLUMB_CHECK(make_store(objects));
  if (options.remember) merge_packs(objects, state->home->path());
  PLUMB_TRY(state->repository, open_store(objects));
  if (state->settings.verify) {
    PLUMB_TRY(state->verifier, Verifier::make(state->settings.keys, state->home->path()));
  }
  PLUMB_TRY(RepositoryHandle second, open_store(objects));
  state->history = std::make_unique<RepositoryHistory>(std::move(second), state->settings.path, state->verifier.get());
  return std::unique_ptr<GitSource>(new GitSource(std::move(state)));
}

Result<std::string> GitSource::head(Deadline deadline) {
  if (state_->settings.ref.kind == Reference::Kind::commit) return state_->settings.ref.name;
  PLUMB_TRY(const Advertised advertised, state_->remote.look(deadline));
  PLUMB_TRY(Chosen chosen, choose(state_->settings.ref, advertised));
  return std::move(chosen.id);
}

Result<TreeDelta> GitSource::read(const std::string& since, Deadline deadline) { return state_->read(since, deadline); }

std::string GitSource::accepted() const {
  const auto id = state_->accepted();
  return id && *id ? to_text(**id) : "";
}

Result<void> GitSource::allow_rewind(const std::string& move) {
  PLUMB_TRY(state_->allowed, parse_rewind(move));
  return {};
}

const Settings& GitSource::settings() const { return state_->settings; }

History& GitSource::history() const { return *state_->history; }

}  // namespace plumb::git
