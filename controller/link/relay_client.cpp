#include <algorithm>
#include <map>
#include <optional>
#include <utility>

#include "controller/base/secret.h"
#include "controller/base/text.h"
#include "controller/link/frame.h"
#include "controller/link/relay.h"
#include "controller/link/relay_message.h"

namespace plumb::link {

struct RelayClient::Running {
  explicit Running(Parts given) : parts(std::move(given)) {}

  void start(std::uint64_t id, Ask& ask, std::shared_ptr<Sink> sink) {
    if (gone) {
      wipe(ask.payload);
      return sink->done(fail(Fault::unavailable, "{}", gone->message), false);
    }
    open.emplace(id, std::move(sink));
    const auto sent = send_question(id, ask);
    wipe(ask.payload);
    if (sent) return;
    const auto asked = open.extract(id);
    if (!asked.empty()) asked.mapped()->done(tl::unexpected(sent.error()), false);
  }

  Result<void> send_question(std::uint64_t id, const Ask& ask) {
    constexpr std::size_t kLongest = 0xFFFF'FFFF;
    if (ask.payload.size() > kLongest)
      return fail(Fault::invalid, "a question of {} bytes to a connector", ask.payload.size());
    const std::string_view actor = beginning(ask.actor, 256);
    std::string_view left = ask.payload;
    const auto limit = std::clamp<std::int64_t>(ask.limit.count(), 0, static_cast<std::int64_t>(kLongest));
    const std::string rests_on = Writer().texts(ask.rests_on).take();
    constexpr std::size_t kNumbers = 1 + 1 + 8 + 4 + 4 + 4 + 4;
    Writer head = relay_message(
        RelayType::ask, id,
        kNumbers + ask.group.size() + actor.size() + rests_on.size() + std::min(kRelayPiece, left.size()));
    head.u8(kRelayVersion).u8(static_cast<std::uint8_t>(ask.method)).u64(ask.session);
    head.u32(static_cast<std::uint32_t>(limit)).u32(static_cast<std::uint32_t>(left.size()));
    head.text(ask.group).text(actor);
    head.out() += rests_on;
    head.out() += left.substr(0, kRelayPiece);
    left.remove_prefix(std::min(kRelayPiece, left.size()));
    PLUMB_CHECK(parts.send(head.take()));
    while (!left.empty()) {
      const std::string_view piece = left.substr(0, kRelayPiece);
      left.remove_prefix(piece.size());
      Writer more = relay_message(RelayType::more, id, piece.size());
      more.out() += piece;
      PLUMB_CHECK(parts.send(more.take()));
    }
    return {};
  }

  // What cannot be sent ends with the connection, of which closed() tells.
  void send(std::string message) {
    if (!gone) std::ignore = parts.send(std::move(message));
  }

  Result<void> received(std::string_view message) {
    Reader in(message);
    const auto type = static_cast<RelayType>(in.u8());
    const std::uint64_t id = in.u64();
    const auto found = open.find(id);
    const std::shared_ptr<Sink> sink = found == open.end() ? nullptr : found->second;  // null: it was cancelled
    if (type == RelayType::assigned) {
      const SessionId session = in.u64();
      const std::string identity = in.string();
      if (in.at_end()) {
        if (sink) sink->assigned(session, identity);
        return {};
      }
    } else if (type == RelayType::part) {
      const std::string_view bytes = in.rest();
      if (in.good()) {
        if (sink) sink->part(std::string(bytes));
        return {};
      }
    } else if (type == RelayType::done) {
      const bool good = in.flag(), answered = in.flag();
      const std::string_view end = in.rest();
      if (in.good()) {
        if (!sink) return {};
        open.erase(found);
        sink->done(good ? Result<std::string>(std::string(end)) : tl::unexpected(decode_error(end)), answered);
        return {};
      }
    }
    return fail(Fault::invalid, "the controller that runs sent a message that cannot be read");
  }

  Parts parts;
  std::map<std::uint64_t, std::shared_ptr<Sink>> open;
  std::optional<Error> gone;  // nobody is there
};

RelayClient::RelayClient(Parts parts) : running_(std::make_shared<Running>(std::move(parts))) {}

RelayClient::~RelayClient() {
  running_->gone = Error{Fault::unavailable, "nobody asks any more", {}};
  running_->open.clear();
}

std::uint64_t RelayClient::ask(Ask ask, std::shared_ptr<Sink> sink) {
  const std::uint64_t id = next_++;
  running_->parts.loop.post([running = running_, id, ask = std::make_shared<Ask>(std::move(ask)),
                             sink = std::move(sink)] { running->start(id, *ask, sink); });
  return id;
}

void RelayClient::credit(std::uint64_t id, std::uint32_t bytes) {
  running_->parts.loop.post([running = running_, id, bytes] {
    if (running->open.contains(id)) running->send(relay_message(RelayType::credit, id).u32(bytes).take());
  });
}

void RelayClient::cancel(std::uint64_t id) {
  running_->parts.loop.post([running = running_, id] {
    if (running->open.erase(id) != 0) running->send(relay_message(RelayType::cancel, id).take());
  });
}

Result<void> RelayClient::received(std::string_view message) { return running_->received(message); }

void RelayClient::closed(const Error& why) {
  running_->gone = why;
  for (const auto& [id, sink] : std::exchange(running_->open, {}))
    sink->done(fail(Fault::timeout, "the controller that has the connectors is gone: {}", why.message), false);
}

}  // namespace plumb::link
