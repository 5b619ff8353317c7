#include <map>
#include <optional>
#include <set>
#include <utility>

#include "controller/base/secret.h"
#include "controller/base/text.h"
#include "controller/link/directory_codec.h"
#include "controller/link/frame.h"
#include "controller/link/relay.h"
#include "controller/link/relay_message.h"

namespace plumb::link {
namespace {

constexpr std::size_t kHandleSize = 4;

bool opens(Method method) { return method == Method::open_directory || method == Method::open_watch; }

// For questions whose answer does not matter.
struct Unheard final : Sink {
  void assigned(SessionId, const std::string&) override {}
  void part(std::string) override {}
  void done(Result<std::string>, bool) override {}
};

}  // namespace

struct RelayServer::Running : std::enable_shared_from_this<RelayServer::Running> {
  struct Question {
    Ask ask{};              // until it has come whole
    std::size_t bytes = 0;  // of its payload
    bool whole = false;
    std::optional<std::uint64_t> upstream{};  // what the Asker calls it
    Method method = Method::about;
  };
  struct Client {
    std::map<std::uint64_t, Question> questions;
    std::set<std::pair<SessionId, std::uint32_t>> handles;  // what agents have open for it
  };

  explicit Running(Parts given) : parts(std::move(given)) {}
  ~Running() {
    for (auto& [id, client] : clients)
      for (auto& [question, each] : client.questions) wipe(each.ask.payload);
  }
  Running(const Running&) = delete;
  Running& operator=(const Running&) = delete;

  Question* find(ClientId client, std::uint64_t id) {
    const auto there = clients.find(client);
    if (there == clients.end()) return nullptr;
    const auto question = there->second.questions.find(id);
    return question == there->second.questions.end() ? nullptr : &question->second;
  }

  void misbehaved(ClientId client, std::string_view why) {
    close(client);
    parts.end(client, why);
  }

  void received(ClientId id, std::string_view message) {
    const auto client = clients.find(id);
    if (client == clients.end()) return;
    Reader in(message);
    const auto type = static_cast<RelayType>(in.u8());
    const std::uint64_t question = in.u64();
    switch (type) {
      case RelayType::ask: return on_ask(id, client->second, question, in);
      case RelayType::more: return on_more(id, question, in.rest());
      case RelayType::credit: {
        const std::uint32_t bytes = in.u32();
        if (!in.at_end()) break;
        const Question* const asked = find(id, question);  // it may have been answered meanwhile
        if (asked != nullptr && asked->upstream) parts.asker.credit(*asked->upstream, bytes);
        return;
      }
      case RelayType::cancel:
        if (!in.at_end()) break;
        return cancel(client->second, question);
      case RelayType::assigned:
      case RelayType::part:
      case RelayType::done: break;
    }
    misbehaved(id, "a message that cannot be read");
  }

  void on_ask(ClientId id, Client& client, std::uint64_t number, Reader& in) {
    const std::uint8_t version = in.u8();
    if (in.good() && version != kRelayVersion)
      return finish(id, number,
                    fail(Fault::invalid,
                         "the controller that runs is another version than this command; use one version of both"),
                    false);
    Question question;
    const std::uint8_t method = in.u8();
    question.method = static_cast<Method>(method);
    question.ask.method = question.method;
    question.ask.session = in.u64();
    question.ask.limit = std::chrono::milliseconds(in.u32());
    question.bytes = in.u32();
    question.ask.group = in.string();
    question.ask.actor = in.string();
    question.ask.rests_on = in.texts();
    if (!in.good() || to_string(question.method).empty() || client.questions.contains(number))
      return misbehaved(id, "a question that cannot be read");
    if (client.questions.size() >= parts.options.asked_most)
      return finish(id, number, fail(Fault::unavailable, "{} questions are open already", client.questions.size()),
                    false);
    if (question.bytes > parts.options.payload_most)
      return finish(id, number,
                    fail(Fault::invalid, "a question of {} bytes to a connector; {} are the most", question.bytes,
                         parts.options.payload_most),
                    false);
    if (held + question.bytes > parts.options.held_most)
      return finish(id, number, fail(Fault::unavailable, "too many questions come at once"), false);
    held += question.bytes;
    question.ask.payload.reserve(question.bytes);  // no copies of what may be a password are left behind
    client.questions.emplace(number, std::move(question));
    on_more(id, number, in.rest());
  }

  // What is not known was refused or cancelled before all of it had come.
  void on_more(ClientId id, std::uint64_t number, std::string_view piece) {
    Question* const question = find(id, number);
    if (question == nullptr) return;
    if (question->whole || piece.size() > question->bytes - question->ask.payload.size())
      return misbehaved(id, "more of a question than was said");
    question->ask.payload += piece;
    if (question->ask.payload.size() == question->bytes) begin(id, number, *question);
  }

  void begin(ClientId id, std::uint64_t number, Question& question);

  // Nothing of it is held back any more.
  void release(Question& question) {
    if (question.whole) return;
    held -= question.bytes;
    wipe(question.ask.payload);
  }

  void cancel(Client& client, std::uint64_t number) {
    const auto found = client.questions.find(number);
    if (found == client.questions.end()) return;
    const Question& question = found->second;
    release(found->second);
    // What opens something goes on to its end: else nobody would know what to close.
    if (question.upstream && !opens(question.method)) parts.asker.cancel(*question.upstream);
    client.questions.erase(found);
  }

  void close(ClientId id) {
    const auto found = clients.find(id);
    if (found == clients.end()) return;
    Client client = std::move(found->second);
    clients.erase(found);
    while (!client.questions.empty()) {
      const std::uint64_t number = client.questions.begin()->first;
      cancel(client, number);
    }
    for (const auto& [session, handle] : client.handles) close_handle(session, handle);
  }

  void close_handle(SessionId session, std::uint32_t handle) {
    parts.asker.ask({.group = {},
                     .session = session,
                     .method = Method::close_handle,
                     .payload = encode_handle(handle),
                     .limit = std::chrono::seconds(10),
                     .actor = {}},
                    std::make_shared<Unheard>());
  }

  void assigned(ClientId id, std::uint64_t number, SessionId session, const std::string& identity) {
    if (find(id, number) == nullptr) return;
    parts.send(id, relay_message(RelayType::assigned, number).u64(session).text(identity).take());
  }

  void part(ClientId id, std::uint64_t number, std::string bytes) {
    if (find(id, number) == nullptr) return;
    for (std::string_view left = bytes; !left.empty(); left.remove_prefix(std::min(kRelayPiece, left.size()))) {
      Writer out = relay_message(RelayType::part, number, std::min(kRelayPiece, left.size()));
      out.out() += left.substr(0, kRelayPiece);
      parts.send(id, out.take());
    }
  }

  void done(ClientId id, std::uint64_t number, Result<std::string> end, bool answered) {
    if (find(id, number) != nullptr) finish(id, number, std::move(end), answered);
  }

  void finish(ClientId id, std::uint64_t number, Result<std::string> end, bool answered) {
    if (Question* const question = find(id, number); question != nullptr) {
      release(*question);
      clients.at(id).questions.erase(number);
    }
    if (end && end->size() > kRelayPiece) {  // a frame of a connector has less
      const std::size_t size = end->size() - kRelayPiece;
      end = fail(Fault::invalid, "the connector's answer ends with {} bytes too many", size);
    }
    const std::string error = end ? std::string() : encode_error(end.error());
    Writer out = relay_message(RelayType::done, number, 2 + (end ? end->size() : error.size()));
    out.flag(end.has_value()).flag(answered);
    out.out() += end ? *end : error;
    parts.send(id, out.take());
  }

  Parts parts;
  std::map<ClientId, Client> clients;
  ClientId next = 1;
  std::size_t held = 0;
};

// Gives on what comes from the Asker, and keeps account of what is open at the agents.
class RelayServer::Passing final : public Sink {
 public:
  Passing(std::weak_ptr<Running> to, ClientId client, std::uint64_t number, Method method, std::uint32_t closes)
      : to_(std::move(to)), client_(client), number_(number), method_(method), closes_(closes) {}

  void assigned(SessionId session, const std::string& identity) override {
    session_ = session;
    if (const auto server = to_.lock()) server->assigned(client_, number_, session, identity);
  }
  void part(std::string bytes) override {
    note(bytes);
    if (const auto server = to_.lock()) server->part(client_, number_, std::move(bytes));
  }
  void done(Result<std::string> end, bool answered) override {
    const auto server = to_.lock();
    if (!server) return;
    if (end) note(*end);
    const auto client = server->clients.find(client_);
    const bool opened = end && opens(method_) && answer_.size() == kHandleSize;
    const std::uint32_t handle = opened ? Reader(answer_).u32() : 0;
    if (opened && (client == server->clients.end() || !client->second.questions.contains(number_))) {
      server->close_handle(session_, handle);  // whoever wanted it is gone
    } else if (opened) {
      client->second.handles.emplace(session_, handle);
    } else if (end && method_ == Method::close_handle && client != server->clients.end()) {
      client->second.handles.erase({session_, closes_});
    }
    server->done(client_, number_, std::move(end), answered);
  }

 private:
  void note(std::string_view bytes) {
    if (opens(method_)) answer_ += bytes.substr(0, kHandleSize + 1 - std::min(kHandleSize + 1, answer_.size()));
  }

  const std::weak_ptr<Running> to_;
  const ClientId client_;
  const std::uint64_t number_;
  const Method method_;
  const std::uint32_t closes_;
  SessionId session_ = 0;
  std::string answer_;
};

void RelayServer::Running::begin(ClientId id, std::uint64_t number, Question& question) {
  held -= question.bytes;
  question.whole = true;
  const std::uint32_t closes = question.method == Method::close_handle ? Reader(question.ask.payload).u32() : 0;
  const auto sink = std::make_shared<Passing>(weak_from_this(), id, number, question.method, closes);
  // It may be answered before this returns; then the question is gone.
  const std::uint64_t upstream = parts.asker.ask(std::move(question.ask), sink);
  if (Question* const still = find(id, number); still != nullptr) still->upstream = upstream;
}

RelayServer::RelayServer(Parts parts) : running_(std::make_shared<Running>(std::move(parts))) {}
RelayServer::~RelayServer() = default;

RelayServer::ClientId RelayServer::opened() {
  const ClientId id = running_->next++;
  running_->clients.try_emplace(id);
  return id;
}

void RelayServer::received(ClientId client, std::string_view message) { running_->received(client, message); }
void RelayServer::closed(ClientId client) { running_->close(client); }

std::size_t RelayServer::asked() const {
  std::size_t count = 0;
  for (const auto& [id, client] : running_->clients) count += client.questions.size();
  return count;
}

std::size_t RelayServer::held() const { return running_->held; }

}  // namespace plumb::link
