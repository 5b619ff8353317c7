// What a connector costs, in one run: a directory through one against the same one without, and a thousand of them that
// have nothing to do.
//
//   connector directory [USERS]      needs root: a Samba domain of its own
//   connector fleet [CONNECTORS]     a hub here, its agents in a process of their own
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <numeric>
#include <thread>

#include <fmt/format.h>

#include "connector/guarded_directory.h"
#include "connector/site.h"
#include "controller/adapters/connector/remote_directory.h"
#include "controller/adapters/ldap/ldap_directory.h"
#include "controller/app/hub_host.h"
#include "controller/base/digest.h"
#include "controller/base/ed25519.h"
#include "controller/link/agent.h"
#include "controller/link/identities.h"
#include "controller/net/http_client.h"
#include "controller/net/http_server.h"
#include "controller/net/web_socket_client.h"
#include "tests/contract/directory_samba_world.h"
#include "tests/support/fake_directory.h"
#include "tests/support/samba.h"
#include "tests/support/tls_certificates.h"

namespace plumb {
namespace {

namespace fs = std::filesystem;
using Seconds = std::chrono::duration<double>;
using Steady = std::chrono::steady_clock;

template <class T>
T must(Result<T> result, const char* what) {
  if (result) return std::move(*result);
  fmt::print(stderr, "{}: {}\n", what, result.error().message);
  std::exit(1);
}
void must(const Result<void>& result, const char* what) {
  if (result) return;
  fmt::print(stderr, "{}: {}\n", what, result.error().message);
  std::exit(1);
}

ResourceKey key_of(std::size_t number) { return {"Connector", "default", fmt::format("c{}", number)}; }

// A controller's end: the API's listener with TLS, and the hub behind it.
class Controller {
 public:
  explicit Controller(std::size_t connectors) {
    folder_ = fs::temp_directory_path() / fmt::format("plumbline-bench-{}", ::getpid());
    fs::create_directories(folder_);
    state_ = must(app::State::open(folder_ / "state", app::State::Access::write, "benchmark", clock_), "state");
    hub_ = must(app::HubHost::open(
                    {.loop = loop_, .state = *state_, .clock = clock_, .version = "bench", .tell = {}, .changed = {}}),
                "hub");
    std::map<ResourceKey, std::shared_ptr<const runtime::Registered>> objects;
    for (std::size_t i = 0; i < connectors; ++i)
      objects[key_of(i)] = std::make_shared<const runtime::Registered>(
          runtime::Registered{.key = key_of(i), .spec = Object{{"group", "site"}}, .digest = {}, .revision = {}});
    const runtime::RegistryView view{std::move(objects), {}};
    must(loop_.call([&] {
      hub_->publish(view);
      hub_->begin();
    }),
         "hub");
    net::HttpServerOptions options;
    std::ofstream(folder_ / "api.pem") << leaf_.pem;
    std::ofstream(folder_ / "api.key") << leaf_.key;
    options.tls = net::TlsFiles{folder_ / "api.pem", folder_ / "api.key"};
    options.web_socket = hub_->acceptor();
    server_ = must(
        net::HttpServer::start(options, clock_,
                               net::HttpServer::Handler([](const net::Request&) { return net::Response{}; }), &loop_),
        "server");
  }
  ~Controller() {
    server_.reset();
    loop_.stop();
    hub_.reset();
    state_.reset();
    fs::remove_all(folder_);
  }
  std::vector<std::string> tokens(std::size_t count) {
    link::Identities identities(state_->store(), clock_);
    std::vector<std::string> all;
    for (std::size_t i = 0; i < count; ++i)
      all.emplace_back(must(identities.create_token(key_of(i), link::kTokenLifetime, "bench"), "token").text.reveal());
    return all;
  }
  std::size_t online() {
    std::size_t count = 0;
    must(loop_.call([&] {
      for (const auto& [key, state] : hub_->states())
        count += state.phase == link::ConnectorState::Phase::online ? 1 : 0;
    }),
         "states");
    return count;
  }
  // How long it takes until so many are there.
  double until_online(std::size_t count) {
    const auto began = Steady::now();
    while (online() < count) {
      if (Steady::now() - began > std::chrono::minutes(2)) {
        fmt::print(stderr, "only {} of {} came\n", online(), count);
        std::exit(1);
      }
      std::this_thread::sleep_for(std::chrono::milliseconds(20));
    }
    return Seconds(Steady::now() - began).count();
  }
  link::Asker& asker() { return hub_->asker(); }
  const Clock& clock() const { return clock_; }
  Url url() const { return *parse_url(server_->url()); }
  std::string authority() const { return authority_.pem; }

 private:
  RealClock clock_;
  const test::Certificate authority_ = test::make_certificate({.common_name = "Authority", .authority = true});
  const test::Certificate leaf_ = test::make_certificate({.names = {"IP:127.0.0.1"}}, &authority_);
  fs::path folder_;
  std::unique_ptr<app::State> state_;
  net::Loop loop_;
  std::unique_ptr<app::HubHost> hub_;
  std::unique_ptr<net::HttpServer> server_;
};

// An agent's end of one link, over real sockets; what it can do is given.
class Agent {
 public:
  Agent(net::Loop& loop, net::WebSocketClient& client, const connector::Skills& skills, std::string token)
      : loop_(loop), client_(client), skills_(skills), token_(std::move(token)) {
    keys_.key = make_ed25519().secret;
  }
  void dial(const Url& url, const std::shared_ptr<const HttpRoute>& route) {
    Url to = url;
    to.path = "/connector/v1";
    client_.dial(to, route, "plumbline.connector.v1", {}, std::chrono::minutes(1), {}, [this](auto opened) {
      if (!opened) {
        fmt::print(stderr, "dialling: {}\n", opened.error().error.message);
        return;
      }
      socket_ = std::move(*opened);
      agent_.emplace(link::Agent::Parts{.clock = clock_,
                                        .facts = {"bench", "linux", "amd64", "bench", {}},
                                        .keys = keys_,
                                        .token = token_,
                                        .send = [this](std::string message) { socket_->send(std::move(message)); },
                                        .save = [](const link::AgentKeys&) { return Result<void>(); },
                                        .work = [this](link::Job job) { place_->work(std::move(job)); },
                                        .cancelled = [this](std::uint64_t id) { place_->cancelled(id); },
                                        .credited = [this](std::uint64_t id) { place_->credited(id); },
                                        .health = [] { return link::AgentHealth{}; },
                                        .log_level = [](const std::string&) {}},
                     socket_->binding(), true);
      place_ =
          std::make_unique<connector::Workplace>(connector::Workplace::Parts{loop_, clock_, skills_, yard_}, *agent_);
      socket_->start({.message =
                          [this](std::string_view message) {
                            if (const auto good = agent_->received(message); !good)
                              fmt::print(stderr, "refused: {}\n", good.error().message);
                          },
                      .ended = [](const Error&) {}});
      agent_->start();
    });
  }
  void tick() {
    if (agent_) std::ignore = agent_->tick();
  }
  void hang_up() {
    place_.reset();
    agent_.reset();
    if (socket_) socket_->abort();
    socket_.reset();
  }

 private:
  net::Loop& loop_;
  net::WebSocketClient& client_;
  const connector::Skills& skills_;
  RealClock clock_;
  std::string token_;
  link::AgentKeys keys_;
  connector::Yard yard_;
  std::shared_ptr<net::WebSocket> socket_;
  std::optional<link::Agent> agent_;
  std::unique_ptr<connector::Workplace> place_;
};

net::HttpClientOptions loopback() { return {.egress = *net::Egress::parse({"127.0.0.0/8"}), .connection_limit = 5000}; }

double median(std::vector<double> values) {
  std::ranges::nth_element(values, values.begin() + static_cast<std::ptrdiff_t>(values.size() / 2));
  return values[values.size() / 2];
}

// The same question to one and the other in turn, p50 of each: a domain controller becomes slower with what is written.
std::pair<double, double> questions(Directory& one, Directory& other, const Clock& clock,
                                    const std::vector<std::string>& ids) {
  const std::vector<std::string> fetch{"cn"};
  const auto ask = [&](Directory& directory, const std::string& id) {
    const auto began = Steady::now();
    std::ignore =
        must(directory.find("objectGUID", std::span(&id, 1), fetch, Deadline::in(clock, std::chrono::minutes(5))),
             "finding");
    return Seconds(Steady::now() - began).count();
  };
  std::vector<double> times, other_times;
  for (std::size_t i = 0; i < 1000; ++i) {
    times.push_back(ask(one, ids[i % ids.size()]));
    other_times.push_back(ask(other, ids[i % ids.size()]));
  }
  return {median(std::move(times)), median(std::move(other_times))};
}

// Entries a second.
double read(Directory& directory, const Clock& clock, const std::string& ou) {
  const ReadScope scope{
      {ou}, {"user"}, {"cn", "sAMAccountName", "displayName", "title", "userAccountControl", "memberOf"}};
  const auto began = Steady::now();
  const auto all = must(directory.read_all(scope, Deadline::in(clock, std::chrono::minutes(5))), "reading");
  return static_cast<double>(all->size()) / Seconds(Steady::now() - began).count();
}

// Modifies a second, three batches of them under way.
double modify(Directory& directory, const Clock& clock, const std::vector<std::string>& ids) {
  const auto began = Steady::now();
  std::deque<std::function<Directory::Answers()>> open;
  const auto settle = [&] {
    for (const auto& answer : open.front()()) must(answer ? Result<void>() : tl::unexpected(answer.error()), "writing");
    open.pop_front();
  };
  constexpr std::size_t kBatch = 64;
  const std::string title = random_hex(4);
  for (std::size_t at = 0; at < ids.size(); at += kBatch) {
    std::vector<DirectoryWrite> writes;
    for (std::size_t i = at; i < std::min(at + kBatch, ids.size()); ++i)
      writes.push_back(
          {DirectoryWrite::Kind::modify, ids[i], "", {{Modification::Op::replace, "title", {title}, nullptr}}, "", ""});
    open.push_back(directory.begin_write(std::move(writes), Deadline::in(clock, std::chrono::minutes(5))));
    if (open.size() > 2) settle();
  }
  while (!open.empty()) settle();
  return static_cast<double>(ids.size()) / Seconds(Steady::now() - began).count();
}

// Of one and the other in turn, as the machine is not as fast at one time as at another; medians.
template <class F>
std::pair<double, double> in_turn(F&& measure, Directory& one, Directory& other) {
  constexpr int kRounds = 9;
  std::vector<double> all, all_other;
  for (int round = 0; round < kRounds; ++round) {
    all.push_back(measure(one));
    all_other.push_back(measure(other));
  }
  return {median(std::move(all)), median(std::move(all_other))};
}

int directory(std::size_t users) {
  std::string why;
  if (test::Samba::get(why) == nullptr) {
    fmt::print(stderr, "no Samba domain: {}\n", why);
    return 77;
  }
  Controller controller(1);
  auto secrets = test::samba_secrets();
  const auto connect = [&] { return ldap::make_directory(test::samba_options(), secrets, controller.clock()); };
  const auto direct = connect();
  const std::string ou = "OU=bench," + test::samba().base;
  const auto deadline = Deadline::in(controller.clock(), std::chrono::minutes(10));
  const auto add = [&](const std::string& dn, std::vector<std::pair<std::string, std::string>> values) {
    DirectoryWrite write{DirectoryWrite::Kind::add, "", dn, {}, "", ""};
    for (auto& [name, value] : values) write.changes.push_back({Modification::Op::add, name, {value}, nullptr});
    return write;
  };
  const auto unit = add(ou, {{"objectClass", "organizationalUnit"}});
  must(direct->write(std::span(&unit, 1), deadline).front(), "the unit");
  std::vector<DirectoryWrite> adds;
  for (std::size_t i = 0; i < users; ++i)
    adds.push_back(add(fmt::format("CN=u{},{}", i, ou), {{"objectClass", "user"},
                                                         {"sAMAccountName", fmt::format("u{}", i)},
                                                         {"displayName", fmt::format("User {}", i)}}));
  std::vector<std::string> ids;
  for (auto& id : direct->write(adds, deadline)) ids.push_back(must(std::move(id), "a user"));

  // What a connector adds is told by a domain that answers at once: a domain controller takes another time for the same
  // question with how long nobody asked it before.
  constexpr const char* kAtOnce = "DC=at,DC=once";
  test::FakeDirectory answers_at_once;
  const std::vector<std::string> only{answers_at_once.add_user("only")};

  // As at a site: what the policy allows is looked at with each question.
  const connector::Policy policy =
      must(connector::parse_policy(fmt::format("[[directory]]\nservers = [\"{}\"]\nbase_dns = [\"{}\"]\nwrite_dns = "
                                               "[\"{}\"]\noperations = [\"read\", \"write\"]\n",
                                               test::samba().url, test::samba().base, ou),
                                   "policy.toml"),
           "policy");
  net::Loop loop;
  net::WebSocketClient client(loop, loopback());
  connector::Skills skills;
  skills.directory = [&](const link::DirectoryOpening& opening, connector::Skills::Gone) -> std::unique_ptr<Directory> {
    if (opening.base_dn == kAtOnce) return std::make_unique<test::FakeDirectory>(answers_at_once);
    return connector::guard(connect(), policy, policy.directories.front());
  };
  auto agent = std::make_unique<Agent>(loop, client, skills, controller.tokens(1).front());
  const auto route = std::make_shared<const HttpRoute>(
      HttpRoute{.tls = {.ca = std::make_shared<const std::string>(controller.authority())}});
  must(loop.call([&] { agent->dial(controller.url(), route); }), "dialling");
  controller.until_online(1);
  remote::Options options;
  options.group = "default/site";
  options.opening.servers = {"ldaps://x"};
  options.opening.base_dn = test::samba().base;
  const auto through = remote::make_directory(options, controller.asker(), secrets, controller.clock());

  options.opening.base_dn = kAtOnce;
  const auto link = remote::make_directory(options, controller.asker(), secrets, controller.clock());

  const auto [reads, reads_through] =
      in_turn([&](Directory& each) { return read(each, controller.clock(), ou); }, *direct, *through);
  const auto [writes, writes_through] =
      in_turn([&](Directory& each) { return modify(each, controller.clock(), ids); }, *direct, *through);
  const auto [question, question_through] = questions(*direct, *through, controller.clock(), ids);
  const auto [at_once, at_once_through] = questions(answers_at_once, *link, controller.clock(), only);
  fmt::print("{} users; medians of nine rounds each\n", users);
  fmt::print("full read     direct {:8.0f}/s  connector {:8.0f}/s  {:.2f} x\n", reads, reads_through,
             reads_through / reads);
  fmt::print("modifies      direct {:8.0f}/s  connector {:8.0f}/s  {:.2f} x\n", writes, writes_through,
             writes_through / writes);
  fmt::print("one question  direct {:8.0f} us connector {:8.0f} us  {:.0f} us more (p50)\n", question * 1e6,
             question_through * 1e6, (question_through - question) * 1e6);
  fmt::print("added by the connector alone: {:.0f} us (p50, of a domain that answers at once)\n",
             (at_once_through - at_once) * 1e6);
  must(loop.call([&] { agent->hang_up(); }), "hanging up");
  loop.stop();
  return 0;
}

struct Usage {
  double cpu = 0;
  double bytes = 0;
};
Usage usage() {
  std::ifstream stat("/proc/self/stat"), pages("/proc/self/statm");
  std::string word;
  double user = 0, system = 0, resident = 0;
  for (int i = 1; i <= 13; ++i) stat >> word;
  stat >> user >> system;
  pages >> word >> resident;
  return {(user + system) / static_cast<double>(::sysconf(_SC_CLK_TCK)),
          resident * static_cast<double>(::sysconf(_SC_PAGESIZE))};
}

// The agents' process: dials with each token, and anew when a byte comes over the pipe; ends with it.
[[noreturn]] void agents(const Url& url, const std::string& authority, const std::vector<std::string>& tokens,
                         int orders) {
  {
    net::Loop loop;
    net::WebSocketClient client(loop, loopback());
    const connector::Skills skills;
    const auto route =
        std::make_shared<const HttpRoute>(HttpRoute{.tls = {.ca = std::make_shared<const std::string>(authority)}});
    std::vector<std::unique_ptr<Agent>> all;
    for (const std::string& token : tokens) all.push_back(std::make_unique<Agent>(loop, client, skills, token));
    std::function<void()> tick = [&] {
      for (auto& each : all) each->tick();
      loop.later(std::chrono::seconds(1), tick);
    };
    loop.post(tick);
    char order = 0;
    while (::read(orders, &order, 1) == 1)
      std::ignore = loop.call([&] {
        for (auto& each : all) each->hang_up();
        if (order == 'd')
          for (auto& each : all) each->dial(url, route);
      });
    loop.stop();
  }
  ::_exit(0);
}

int fleet(std::size_t count) {
  int orders[2];
  auto controller = std::make_unique<Controller>(count);
  const auto tokens = controller->tokens(count);
  const Url url = controller->url();
  const std::string authority = controller->authority();
  if (::pipe(orders) != 0) return 1;
  // The child must not have this process's threads: it is this program again.
  const pid_t child = ::fork();
  if (child == 0) {
    ::close(orders[1]);
    agents(url, authority, tokens, orders[0]);
  }
  ::close(orders[0]);
  const auto order = [&](char what) { std::ignore = ::write(orders[1], &what, 1); };
  const Usage before = usage();
  order('d');
  const double enrolled = controller->until_online(count);
  std::this_thread::sleep_for(std::chrono::seconds(15));
  const Usage began = usage();
  constexpr int kIdle = 30;
  std::this_thread::sleep_for(std::chrono::seconds(kIdle));
  const Usage ended = usage();
  order('h');
  while (controller->online() > 0) std::this_thread::sleep_for(std::chrono::milliseconds(50));
  order('d');
  const double storm = controller->until_online(count);
  fmt::print("{} connectors on one controller\n", count);
  fmt::print("enrolling all of them      {:6.1f} s\n", enrolled);
  fmt::print("memory for each            {:6.1f} kB\n",
             (ended.bytes - before.bytes) / static_cast<double>(count) / 1000);
  fmt::print("processor while idle       {:6.2f} % of a core\n", (ended.cpu - began.cpu) / kIdle * 100);
  fmt::print("all back after a storm     {:6.1f} s (their processor time included, on the same machine)\n", storm);
  ::close(orders[1]);
  ::waitpid(child, nullptr, 0);
  return 0;
}

}  // namespace
}  // namespace plumb

int main(int argc, char** argv) {
  ::signal(SIGPIPE, SIG_IGN);
  const std::string mode = argc > 1 ? argv[1] : "";
  const std::size_t count = argc > 2 ? std::strtoul(argv[2], nullptr, 10) : 0;
  if (mode == "directory") return plumb::directory(count == 0 ? 2000 : count);
  if (mode == "fleet") return plumb::fleet(count == 0 ? 1000 : count);
  std::fprintf(stderr, "connector directory [USERS] | connector fleet [CONNECTORS]\n");
  return 2;
}
