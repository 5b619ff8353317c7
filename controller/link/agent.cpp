#include "controller/link/agent.h"

#include <algorithm>

#include "controller/base/digest.h"
#include "controller/base/ed25519.h"
#include "controller/base/text.h"
#include "controller/link/wire.h"

namespace plumb::link {
namespace {

constexpr int kMissedBeats = 3;
constexpr std::string_view kOldController =
    "this controller is older than one that was here before: its state was restored from a copy, or this is another "
    "controller. If that is meant, enrol this connector again with a new token";

}  // namespace

std::string token_id(std::string_view token) {
  const std::size_t begin = token.find('_'), end = token.find('_', begin == std::string_view::npos ? begin : begin + 1);
  return end == std::string_view::npos ? "" : std::string(token.substr(begin + 1, end - begin - 1));
}

Agent::Agent(Parts parts, std::string binding, bool need_binding)
    : parts_(std::move(parts)), binding_(std::move(binding)), need_binding_(need_binding) {
  began_ = heard_ = parts_.clock.steady();
}

void Agent::start() {
  nonce_ = random_raw(kNonceSize);
  Hello hello{.protocol = kProtocol,
              .oldest = kOldestProtocol,
              .id = parts_.keys.id,
              .token = parts_.keys.id.empty() ? parts_.token : "",
              .public_key = {},
              .counter = parts_.keys.counter,
              .epoch = parts_.keys.epoch,
              .nonce = nonce_,
              .facts = parts_.facts};
  subject_ = parts_.keys.id;
  if (parts_.keys.id.empty()) {
    hello.counter = hello.epoch = parts_.keys.counter = parts_.keys.epoch = 0;
    hello.public_key = ed25519_public(parts_.keys.key).value_or("");
    subject_ = token_id(parts_.token);
  }
  std::string body = encode(hello);
  parts_.send(to_message({FrameType::hello, 0, 0, body}));
  wipe(body);
  wipe(hello.token);
}

Result<void> Agent::received(std::string_view message) {
  heard_ = parts_.clock.steady();
  PLUMB_TRY(const Frame frame, parse_frame(message));
  if (frame.type == FrameType::refused) {
    refusal_ = decode_refusal(frame.body);
    return fail(Fault::denied, "{}: {}", refusal_->reason, refusal_->message);
  }
  if (stage_ == Stage::hello && frame.type == FrameType::challenge) return on_challenge(frame);
  if (stage_ == Stage::challenged && frame.type == FrameType::welcome) return on_welcome(frame);
  if (stage_ != Stage::online)
    return fail(Fault::invalid, "the controller sent \"{}\" before it was its turn", to_string(frame.type));
  switch (frame.type) {
    case FrameType::request: return on_request(frame);
    case FrameType::more: return on_more(frame);
    case FrameType::credit: return on_credit(frame);
    case FrameType::settings: return on_settings(frame);
    case FrameType::beat: return {};
    case FrameType::cancel:
      if (const auto found = open_.find(frame.request); found != open_.end()) {
        if (found->second.whole) {
          parts_.cancelled(frame.request);
        } else {
          gathering_ -= found->second.job.payload.size();
          failed(frame.request, {Fault::timeout, "cancelled", {}});
        }
      }
      return {};
    default:
      return fail(Fault::invalid, "the controller sent \"{}\", which only a connector may", to_string(frame.type));
  }
}

Result<void> Agent::on_challenge(const Frame& frame) {
  PLUMB_TRY(const Challenge challenge, decode_challenge(frame.body));
  if (!challenge.bound && need_binding_)
    return fail(
        Fault::denied,
        "the controller does not see this TLS connection itself: something between ends TLS. If that is a proxy "
        "of yours, set channel_binding = false");
  const Transcript transcript{challenge.nonce,
                              nonce_,
                              challenge.bound ? std::string_view(binding_) : std::string_view(),
                              subject_,
                              parts_.keys.counter,
                              parts_.keys.epoch};
  PLUMB_TRY(const std::string signature, ed25519_sign(signing_key(), to_sign(transcript)));
  stage_ = Stage::challenged;
  parts_.send(to_message({FrameType::proof, 0, 0, signature}));
  return {};
}

Result<void> Agent::on_welcome(const Frame& frame) {
  PLUMB_TRY(welcome_, decode_welcome(frame.body));
  AgentKeys& keys = parts_.keys;
  if (!keys.id.empty() && welcome_.id != keys.id) return fail(Fault::invalid, "the controller takes us for another");
  if (welcome_.epoch < keys.epoch) {
    refusal_ = Refusal{"OldController", std::string(kOldController), std::chrono::minutes(1)};
    return fail(Fault::denied, "{}", kOldController);
  }
  if (!keys.id.empty() && welcome_.counter <= keys.counter)
    return fail(Fault::invalid, "the controller counts sessions backwards");
  // What cannot be kept must not be known either: the next hello would name it, and the one after a restart would not.
  AgentKeys next{.id = welcome_.id,
                 .connector = welcome_.connector,
                 .key = {},
                 .next = {},
                 .counter = welcome_.counter,
                 .epoch = welcome_.epoch};
  const bool promoted = !keys.next.empty() && !parts_.with_old;
  next.key = std::move(promoted ? keys.next : keys.key);
  const auto saved = parts_.save(next);
  if (!saved) {
    (promoted ? keys.next : keys.key) = std::move(next.key);
    return saved;
  }
  keys = std::move(next);
  stage_ = Stage::online;
  parts_.send(to_message({FrameType::ready, 0, 0, {}}));
  parts_.log_level(welcome_.log_level);
  return tick();
}

Result<void> Agent::tick() {
  const SteadyTime now = parts_.clock.steady();
  if (stage_ != Stage::online) {
    if (now - began_ <= parts_.limits.greeting) return {};
    return fail(Fault::timeout, "the controller did not greet within {}", format_duration(parts_.limits.greeting));
  }
  if (now - heard_ > kMissedBeats * welcome_.beat)
    return fail(Fault::timeout, "nothing was heard of the controller for {}",
                format_duration(kMissedBeats * welcome_.beat));
  if (now < beat_at_) return {};
  beat_at_ = now + welcome_.beat;
  AgentHealth health = parts_.health();
  health.working = open_.size();
  health.clock = parts_.clock.now().time_since_epoch().count();
  parts_.send(to_message({FrameType::beat, 0, 0, encode(health)}));
  return {};
}

Result<void> Agent::on_request(const Frame& frame) {
  if (open_.contains(frame.request))
    return fail(Fault::invalid, "the controller asked question {} twice", frame.request);
  if (open_.size() >= parts_.limits.open_requests)
    return fail(Fault::invalid, "the controller asked {} questions at once", open_.size() + 1);
  Reader in(frame.body);
  const std::uint8_t method = in.u8();
  const auto limit = std::chrono::milliseconds(in.u32());
  const std::uint64_t epoch = in.u64();
  const std::uint32_t credit = in.u32();
  const bool more = in.flag();
  std::string actor = printable(in.text());
  if (!in.good() || frame.sequence != 0)
    return fail(Fault::invalid, "the controller sent a question that cannot be read");
  if (epoch != welcome_.epoch)
    return fail(Fault::invalid, "the controller sent a question of epoch {} in a session of {}", epoch, welcome_.epoch);
  Open& open = open_[frame.request];
  open.credit = credit;
  open.job = {frame.request, static_cast<Method>(method), std::string(in.rest()), std::move(actor), heard_ + limit};
  if (!more) {
    begin(open);
    return {};
  }
  return gather(open.job.payload.size());
}

Result<void> Agent::gather(std::size_t bytes) {
  gathering_ += bytes;
  if (gathering_ <= parts_.limits.payload_bytes) return {};
  return fail(Fault::invalid, "the controller sent questions of more than {} bytes", parts_.limits.payload_bytes);
}

Result<void> Agent::on_more(const Frame& frame) {
  const auto found = open_.find(frame.request);
  if (found == open_.end()) return {};  // of one that was cancelled
  Open& open = found->second;
  if (open.whole || frame.sequence != ++open.heard || frame.body.empty())
    return fail(Fault::invalid, "the parts of question {} are out of order", frame.request);
  Reader in(frame.body);
  const bool more = in.flag();
  const std::string_view piece = in.rest();
  PLUMB_CHECK(gather(piece.size()));
  open.job.payload += piece;
  if (more) return {};
  gathering_ -= open.job.payload.size();
  begin(open);
  return {};
}

void Agent::begin(Open& open) {
  open.whole = true;
  const std::uint64_t request = open.job.request;
  if (to_string(open.job.method).empty())
    return failed(request, {Fault::invalid,
                            "this connector does not know what it is asked; install the version of the "
                            "controller",
                            {}});
  parts_.work(std::move(open.job));
}

Result<void> Agent::on_credit(const Frame& frame) {
  const auto found = open_.find(frame.request);
  if (found == open_.end()) return {};
  Reader in(frame.body);
  found->second.credit += in.u32();
  if (!in.at_end()) return fail(Fault::invalid, "the controller sent credit that cannot be read");
  if (found->second.whole) parts_.credited(frame.request);
  return {};
}

Result<void> Agent::on_settings(const Frame& frame) {
  PLUMB_TRY(const AgentSettings settings, decode_settings(frame.body));
  if (!settings.log_level.empty()) parts_.log_level(settings.log_level);
  return settings.renew_key ? renew_key() : Result<void>();
}

// First it is kept, then told: the next hello can be signed with it or with the old one.
Result<void> Agent::renew_key() {
  auto pair = make_ed25519();
  PLUMB_TRY(auto signature, ed25519_sign(pair.secret, to_sign(parts_.keys.id, pair.public_key)));
  parts_.keys.next = std::move(pair.secret);
  PLUMB_CHECK(parts_.save(parts_.keys));
  parts_.send(
      to_message({FrameType::renewed, 0, 0, encode(Renewal{std::move(pair.public_key), std::move(signature)})}));
  return {};
}

bool Agent::part(std::uint64_t request, std::string_view& bytes) {
  const auto found = open_.find(request);
  if (found == open_.end()) {
    bytes = {};
    return true;
  }
  Open& open = found->second;
  while (!bytes.empty() && open.credit > 0) {
    const std::string_view piece = bytes.substr(0, std::min<std::uint64_t>(kBodyLimit, open.credit));
    bytes.remove_prefix(piece.size());
    open.credit -= piece.size();
    parts_.send(to_message({FrameType::part, request, open.said++, piece}));
  }
  return bytes.empty();
}

void Agent::done(std::uint64_t request, std::string_view end) {
  const auto found = open_.find(request);
  if (found == open_.end()) return;
  if (end.size() > kBodyLimit)
    return failed(request, {Fault::internal, "the end of an answer was too large: it goes in parts", {}});
  parts_.send(to_message({FrameType::done, request, found->second.said, end}));
  open_.erase(found);
}

void Agent::failed(std::uint64_t request, const Error& error) {
  const auto found = open_.find(request);
  if (found == open_.end()) return;
  parts_.send(to_message({FrameType::failed, request, found->second.said, encode_error(error)}));
  open_.erase(found);
}

}  // namespace plumb::link
