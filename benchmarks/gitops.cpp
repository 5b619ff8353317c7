// What following costs: manifests in Git, a domain that is as they say, and then single changes on either side. All
// parts are the real ones (GitSource over file://, Loader, SemanticCheck, Lane, SQLite) but the domain, which is the
// tests' directory in memory unless a server is named. Checks what it did; prints one line of JSON.
//   gitops USERS [--changes N] [--idle N] [--folder DIR] [--url URL --ca FILE --user NAME --address HOST]
// The server's password is in PLUMBLINE_BENCHMARK_PASSWORD.
#include "benchmarks/gitops.h"

#include <malloc.h>
#include <sys/resource.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <map>
#include <memory>

#include "controller/adapters/secrets/secret_store.h"
#include "controller/app/lanes.h"
#include "controller/app/state.h"
#include "controller/app/workspace.h"
#include "controller/engine/inventory.h"
#include "controller/engine/lane.h"
#include "reconcilers/active_directory.h"
#include "reconcilers/directory_settings.h"
#include "tests/support/fake_directory.h"

namespace {

namespace fs = std::filesystem;
using namespace plumb;
using namespace plumb::bench;

const ResourceKey kDomain{"Directory", "default", "corp"};
constexpr const char* kScope = "OU=Bench,DC=ad,DC=test";
constexpr int kPerFolder = 100;

struct Settings {
  int users = 1'000, changes = 100, idle = 1'000;
  fs::path folder;
  std::string url, ca, user, address;
  bool real() const { return !url.empty(); }
};

void run_command(const std::string& command) { need(std::system(command.c_str()) == 0, command); }

std::string account_of(int i) { return fmt::format("bench{:06}", i); }
std::string path_of(int i) { return fmt::format("users/{:04}/{}.yaml", i / kPerFolder, account_of(i)); }
std::string manifest_of(int i, const std::string& title) {
  return fmt::format(R"(apiVersion: plumbline.dev/v1alpha1
kind: ADUser
metadata: {{name: {0}}}
spec:
  parentDN: "{1}"
  userPrincipalName: {0}@ad.test
  givenName: Given{2}
  sn: Surname{2}
  displayName: Given{2} Surname{2}
  mail: {0}@example.com
  title: {3}
  department: Sales
  company: Example
  employeeID: "{2:08}"
  telephoneNumber: "+49 30 {2:07}"
  description: Made by a benchmark
)",
                     account_of(i), kScope, i, title);
}

std::string domain_manifest(const Settings& settings) {
  const std::string tls =
      settings.real() ? fmt::format("\n  tls: {{caFile: \"{}\", serverName: {}}}", settings.ca, settings.address) : "";
  return fmt::format(R"(apiVersion: plumbline.dev/v1alpha1
kind: Directory
metadata: {{name: corp}}
spec:
  servers: ["{}"]
  baseDNs: ["DC=ad,DC=test"]
  managedScope: ["{}"]
  credentialRef: {{name: bind}}{}
---
apiVersion: plumbline.dev/v1alpha1
kind: Credential
metadata: {{name: bind}}
spec:
  type: ldapBind
  ldapBind:
    username: {}
    passwordFrom: {{env: PLUMBLINE_BENCHMARK_PASSWORD}}
)",
                     settings.real() ? settings.url : "ldaps://fake.ad.test", kScope, tls,
                     settings.real() ? settings.user : "svc@ad.test");
}

// The remote repository, written by git fast-import.
class Remote {
 public:
  explicit Remote(fs::path base) : base_(std::move(base)) {
    run_command("git init -q --bare -b main " + path().string());
  }
  fs::path path() const { return base_ / "remote.git"; }

  void commit(const std::map<std::string, std::string>& files) {
    std::ofstream out(base_ / "stream", std::ios::binary);
    out << "commit refs/heads/main\ncommitter Bench <b@x> " << 1'700'000'000 + commits_ << " +0000\ndata 1\nx\n";
    if (commits_++ > 0) out << "from refs/heads/main^0\n";
    for (const auto& [name, text] : files)
      out << "M 100644 inline " << name << "\ndata " << text.size() << "\n" << text << "\n";
    out << "done\n";
    out.close();
    run_command(
        fmt::format("git -C {0} fast-import --quiet --done < {1}", path().string(), (base_ / "stream").string()));
  }

 private:
  fs::path base_;
  int commits_ = 0;
};

double cpu_milliseconds() {
  rusage usage{};
  ::getrusage(RUSAGE_SELF, &usage);
  const auto of = [](const timeval& time) {
    return static_cast<double>(time.tv_sec) * 1e3 + static_cast<double>(time.tv_usec) / 1e3;
  };
  return of(usage.ru_utime) + of(usage.ru_stime);
}

struct Memory {
  double heap = 0, resident = 0;  // MB
};
Memory memory() {
  ::malloc_trim(0);
  const struct mallinfo2 info = ::mallinfo2();
  std::ifstream statm("/proc/self/statm");
  double size = 0, resident = 0;
  statm >> size >> resident;
  constexpr double kMega = 1 << 20;
  return {static_cast<double>(info.uordblks + info.hblkhd) / kMega,
          resident * static_cast<double>(::sysconf(_SC_PAGESIZE)) / kMega};
}

// Everything of `plumbline run` for one domain, wired by hand so that it can be timed and counted.
class Controller {
 public:
  struct Phases {
    double open = 0, fetch = 0, load = 0, round = 0;  // ms
  };

  Controller(const Settings& settings, const ShiftedClock& clock, Directory* fake) : clock_(clock) {
    Instant begin = now();
    options_.source = settings.folder / "source.yaml";
    options_.state = settings.folder / "state";
    state_ = need(app::State::open(options_.state, app::State::Access::write, "benchmark", clock_));
    workspace_ = need(app::Workspace::open(options_, app::SourceUse::follow));
    secrets_ = secrets::make_secret_store();
    phases_.open = milliseconds(begin, now());
    read();
    if (fake == nullptr) connection_ = need(app::connect(kDomain, *snapshot_, {}, *secrets_, clock_));
    directory_.emplace(fake == nullptr ? *connection_ : *fake);
    store_.emplace(state_->store());
  }

  // Asks the remote, fetches, and makes the snapshot. Whether there was anything new.
  bool read() {
    const Instant begin = now();
    if (!need(workspace_->moved(Deadline::never()))) return false;
    const TreeDelta delta = need(workspace_->read(Deadline::never()));
    const Instant fetched = now();
    auto manifests = workspace_->take(delta);
    need(manifests.diagnostics.empty(), manifests.diagnostics.empty() ? "" : to_string(manifests.diagnostics.front()));
    snapshot_ = manifests.snapshot;
    phases_.fetch = milliseconds(begin, fetched);
    phases_.load = milliseconds(fetched, now());
    return true;
  }

  // A lane as after a start. `guarded`: with the policies that are built in.
  void start(bool guarded) {
    policies_ = guarded ? need(workspace_->policies(*snapshot_)) : std::vector<policy::Policy>{};
    audit_ = need(engine::AuditLog::open(*store_, clock_, "benchmark"));
    target_ = make_active_directory(need(directory_settings(*snapshot_->find(kDomain), *snapshot_)), *directory_,
                                    *secrets_, clock_, state_->installation());
    engine::LaneOptions options;
    options.observe_timeout = options.apply_timeout = std::chrono::minutes(10);
    lane_ = std::make_unique<engine::Lane>(*target_, *store_, *audit_, state_->lease(), clock_, policies_, options);
  }

  engine::Round round() {
    const Instant begin = now();
    store_->first_commit.reset();
    engine::Round made = lane_->run_round(*snapshot_);
    phases_.round = milliseconds(begin, now());
    need(!made.stopped, made.stopped ? made.stopped->message : "");
    need(made.failed + made.unknown + made.withheld == 0 && made.plan.blocked.empty(), "not everything went through");
    return made;
  }

  const Phases& phases() const { return phases_; }
  CountingDirectory& directory() { return *directory_; }
  CountingStore& store() { return *store_; }
  app::State& state() { return *state_; }
  const Snapshot& snapshot() const { return *snapshot_; }
  SecretStore& secrets() { return *secrets_; }
  // Tells of changes in the domain, on a connection of its own.
  std::unique_ptr<DirectoryWatch> watch() {
    app::LaneParts parts{.state = *state_, .secrets = *secrets_, .clock = clock_, .options = {}};
    return std::move(need(app::build_lane(kDomain, *snapshot_, {}, parts))->watch);
  }

 private:
  app::GlobalOptions options_;
  const ShiftedClock& clock_;
  Phases phases_;
  std::unique_ptr<app::State> state_;
  std::unique_ptr<SecretStore> secrets_;
  std::unique_ptr<app::Workspace> workspace_;
  std::shared_ptr<const Snapshot> snapshot_;
  std::unique_ptr<Directory> connection_;
  std::optional<CountingDirectory> directory_;
  std::optional<CountingStore> store_;
  std::vector<policy::Policy> policies_;
  std::optional<engine::AuditLog> audit_;
  std::unique_ptr<Target> target_;
  std::unique_ptr<engine::Lane> lane_;
};

class Benchmark {
 public:
  explicit Benchmark(Settings settings) : settings_(std::move(settings)), remote_(settings_.folder) {}

  void run() {
    prepare();
    build();
    starts();
    idle();
    commits();
    repairs();
    finish();
  }

 private:
  void report(const std::string& name, const std::string& json) {
    json_ += fmt::format("{}\"{}\": {}", json_.empty() ? "" : ", ", name, json);
    std::cerr << fmt::format("  {:>7} users: {:<22} {}\n", settings_.users, name, json);
  }

  void prepare() {
    std::map<std::string, std::string> files{{"domain.yaml", domain_manifest(settings_)}};
    for (int i = 0; i < settings_.users; ++i) files[path_of(i)] = manifest_of(i, "Engineer");
    remote_.commit(files);
    std::ofstream(settings_.folder / "source.yaml") << fmt::format(
        "apiVersion: plumbline.dev/v1alpha1\nkind: GitRepository\nmetadata: {{name: bench}}\n"
        "spec:\n  url: file://{}\n  ref: {{branch: main}}\n",
        remote_.path().string());
    if (!settings_.real()) fake_.add_ou("Bench");
  }
  Directory* fake() { return settings_.real() ? nullptr : &fake_; }

  // The first run of all: the users are made, "three days ago".
  void build() {
    clock_.by = -std::chrono::hours(72);
    Controller controller(settings_, clock_, fake());
    report("first_fetch", fmt::format("{:.1f}", controller.phases().fetch));
    controller.start(false);
    const auto made = controller.round();
    need(made.applied == static_cast<std::size_t>(settings_.users), "not all users were made");
    report("create_all", fmt::format("{:.1f}", controller.phases().round));
    need(controller.round().plan.empty(), "the second plan is not empty");
    clock_.by = {};
    fake_.clear_log();
  }

  void forget_mirror(Controller& controller) {
    std::vector<StateStore::Put> puts;
    for (const char* prefix : {"mirror/", "mirror-head/"})
      for (const auto& item : need(controller.state().store().list(prefix))) puts.push_back({item.key, std::nullopt});
    need(!puts.empty(), "there is no mirror in the store");
    need(controller.state().store().commit(puts));
  }

  std::string start_once(bool cold, std::unique_ptr<Controller>& controller) {
    controller.reset();
    const double cpu = cpu_milliseconds();
    controller = std::make_unique<Controller>(settings_, clock_, fake());
    if (cold) forget_mirror(*controller);
    controller->start(true);
    need(controller->round().plan.empty(), "a start plans something");
    need((controller->directory().full_reads > 0) == cold, "a full read, or none, was not expected");
    const auto& phases = controller->phases();
    return fmt::format(
        "{{\"total\": {:.1f}, \"open\": {:.1f}, \"fetch\": {:.1f}, \"load\": {:.1f}, \"round\": {:.1f}, "
        "\"cpu\": {:.1f}, \"reads\": {}}}",
        phases.open + phases.fetch + phases.load + phases.round, phases.open, phases.fetch, phases.load, phases.round,
        cpu_milliseconds() - cpu, controller->directory().reads);
  }

  void starts() {
    report("cold_start", start_once(true, controller_));
    controller_.reset();
    const Memory before = memory();
    report("warm_start", start_once(false, controller_));
    const Memory after = memory();
    const auto inventory = need(engine::read_inventory(controller_->store(), to_string(kDomain)));
    need(inventory.size() == static_cast<std::size_t>(settings_.users), "not everything is in the inventory");
    const double records = memory().heap - after.heap;
    const auto each = [&](double megabytes) { return megabytes * (1 << 20) / settings_.users; };
    report("at_rest", fmt::format("{{\"heap_mb\": {:.1f}, \"resident_mb\": {:.1f}, \"heap_bytes_a_user\": {:.0f}, "
                                  "\"inventory_bytes_a_user\": {:.0f}}}",
                                  after.heap - before.heap, after.resident - before.resident,
                                  each(after.heap - before.heap), each(records)));
  }

  void idle() {
    Series wall, cpu;
    controller_->round();  // what the start left to be saved
    auto& directory = controller_->directory();
    auto& store = controller_->store();
    const auto reads = directory.reads, writes = directory.writes, commits = store.commits, puts = store.puts;
    for (int i = 0; i < settings_.idle; ++i) {
      const double before = cpu_milliseconds();
      need(controller_->round().plan.empty(), "an idle cycle plans something");
      wall.add(controller_->phases().round);
      cpu.add(cpu_milliseconds() - before);
    }
    need(directory.full_reads == 0, "an idle cycle read everything");
    report("idle", fmt::format("{{\"cycles\": {}, \"operations\": {}, \"writes\": {}, \"store_commits\": {}, "
                               "\"store_puts\": {}, \"wall\": {}, \"cpu\": {}}}",
                               settings_.idle, directory.reads - reads, directory.writes - writes,
                               store.commits - commits, store.puts - puts, wall.json(), cpu.json()));
  }

  void commits() {
    Series fetch, load, plan, to_plan, to_written, round, cpu;
    auto& directory = controller_->directory();
    for (int n = 0; n < settings_.changes; ++n) {
      const int i = static_cast<int>(n * 7'919LL % settings_.users);
      remote_.commit({{path_of(i), manifest_of(i, fmt::format("Title {}", n))}});
      const Instant begin = now();
      const double before = cpu_milliseconds();
      need(controller_->read(), "the commit was not seen");
      const Instant loaded = now();
      const auto writes = directory.writes;
      const auto made = controller_->round();
      need(made.applied == 1 && directory.writes == writes + 1, "not one change was made");
      cpu.add(cpu_milliseconds() - before);
      const Instant planned = *controller_->store().first_commit;
      fetch.add(controller_->phases().fetch);
      load.add(controller_->phases().load);
      plan.add(milliseconds(loaded, planned));
      to_plan.add(controller_->phases().load + milliseconds(loaded, planned));
      to_written.add(milliseconds(begin, directory.last_write));
      round.add(controller_->phases().round);
      titles_[i] = fmt::format("Title {}", n);
    }
    report("commit", fmt::format("{{\"fetch\": {}, \"load\": {}, \"plan\": {}, \"plan_after_fetch\": {}, "
                                 "\"written\": {}, \"round\": {}, \"cpu\": {}}}",
                                 fetch.json(), load.json(), plan.json(), to_plan.json(), to_written.json(),
                                 round.json(), cpu.json()));
  }

  // Someone else changes a title; it is put back.
  void repairs() {
    Series noticed, repaired;
    std::unique_ptr<Directory> other;
    std::unique_ptr<DirectoryWatch> watch;
    if (settings_.real()) {
      other = need(app::connect(kDomain, controller_->snapshot(), {}, controller_->secrets(), clock_));
      watch = controller_->watch();
      std::ignore = watch->wait(Deadline::in(clock_, std::chrono::seconds(2)), {});  // connects
      controller_->round();
    } else {
      watch = std::make_unique<test::FakeDirectoryWatch>(fake_);
      std::ignore = watch->wait(Deadline::never(), {});
    }
    for (int n = 0; n < settings_.changes; ++n) {
      const int i = static_cast<int>(n * 104'729LL % settings_.users);
      const Instant begin = edit(account_of(i), other.get());
      while (!need(watch->wait(Deadline::in(clock_, std::chrono::seconds(10)), {}))) stop("nobody told of a change");
      noticed.add(milliseconds(begin, now()));
      const auto made = controller_->round();
      need(made.applied == 1, "a change by hand was not put back");
      repaired.add(milliseconds(begin, controller_->directory().last_write));
    }
    report("repair", fmt::format("{{\"noticed\": {}, \"written\": {}}}", noticed.json(), repaired.json()));
  }

  Instant edit(const std::string& account, Directory* other) {
    if (other == nullptr) {
      fake_.set(account, "title", {"By hand"});
      return now();
    }
    const std::vector<std::string> names{account};
    const auto found = need(other->find("sAMAccountName", names, {}, Deadline::never()));
    need(found.size() == 1, "the user is not there");
    DirectoryWrite write{.id = found.front().id, .dn = found.front().dn};
    write.changes = {{.op = Modification::Op::replace, .attribute = "title", .values = {"By hand"}}};
    need(other->write({&write, 1}, Deadline::never()).front());
    return now();
  }

  void finish() {
    for (int n = 0; n < 2; ++n) need(controller_->round().plan.empty(), "there is something left to do at the end");
    const std::vector<std::string> names{account_of(0), account_of(settings_.users - 1)},
        fetch{"sAMAccountName", "title"};
    const auto found = need(controller_->directory().find("sAMAccountName", names, fetch, Deadline::never()));
    need(found.size() == 2, "users are missing");
    for (const Entry& entry : found) {
      const auto title = entry.attributes.find("title"), account = entry.attributes.find("sAMAccountName");
      need(account != entry.attributes.end(), "a user has no name");
      const int i = account->second.values.front() == names.front() ? 0 : settings_.users - 1;
      const auto expected = titles_.find(i);
      need(title != entry.attributes.end() && title->second.values.size() == 1 &&
               title->second.values.front() == (expected == titles_.end() ? "Engineer" : expected->second),
           "a title is not as declared at the end");
    }
    fmt::print("{{\"users\": {}, \"server\": \"{}\", {}}}\n", settings_.users, settings_.real() ? "Samba" : "in memory",
               json_);
  }

  Settings settings_;
  Remote remote_;
  ShiftedClock clock_;
  test::FakeDirectory fake_;
  std::unique_ptr<Controller> controller_;
  std::map<int, std::string> titles_;
  std::string json_;
};

}  // namespace

int main(int argc, char** argv) {
  Settings settings;
  for (int i = 2; i + 1 < argc; i += 2) {
    const std::string_view name = argv[i];
    const std::string value = argv[i + 1];
    if (name == "--changes") settings.changes = std::atoi(value.c_str());
    if (name == "--idle") settings.idle = std::atoi(value.c_str());
    if (name == "--folder") settings.folder = value;
    if (name == "--url") settings.url = value;
    if (name == "--ca") settings.ca = value;
    if (name == "--user") settings.user = value;
    if (name == "--address") settings.address = value;
  }
  settings.users = argc > 1 ? std::atoi(argv[1]) : 0;
  if (settings.users < 1) stop("how many users?");
  std::string made = (fs::temp_directory_path() / "plumbline-gitops-XXXXXX").string();
  const bool own = settings.folder.empty();
  if (own) settings.folder = ::mkdtemp(made.data());
  Benchmark(settings).run();
  if (own) fs::remove_all(settings.folder);
}
