#include "controller/adapters/connector/opened.h"

#include <utility>

namespace plumb::remote {
namespace {

constexpr std::string_view kAtSite = "connector:";

struct Ignored final : link::Sink {
  void assigned(link::SessionId, const std::string&) override {}
  void part(std::string) override {}
  void done(Result<std::string>, bool) override {}
};

}  // namespace

Result<link::DirectoryOpening> opening_of(const Options& options, SecretStore& secrets) {
  link::DirectoryOpening opening = options.opening;
  if (options.password_from.starts_with(kAtSite)) {
    opening.password_from = options.password_from;
  } else if (!options.password_from.empty()) {
    PLUMB_TRY(auto password, secrets.fetch(options.password_from));
    opening.password = std::make_shared<const Secret>(std::move(password));
  }
  return opening;
}

Result<bool> Opened::ensure(Deadline deadline) {
  if (session_ != 0) return false;
  PLUMB_TRY(const link::DirectoryOpening opening, opening_of(options_, secrets_));
  link::Ask ask{.group = options_.group,
                .method = method_,
                .payload = encode(opening),
                .limit = deadline.left(clock_.steady()),
                .actor = options_.actor};
  link::Conversation conversation(asker_, clock_, std::move(ask));
  const auto answer = conversation.all(deadline);
  if (!answer && conversation.answered()) asker_.complain(conversation.session());
  PLUMB_CHECK(answer);
  link::Reader in(*answer);
  handle_ = in.u32();
  if (!in.at_end()) return fail(Fault::internal, "the connector's answer cannot be read");
  session_ = conversation.session();
  identity_ = conversation.identity();
  ++generation_;
  return true;
}

link::Ask Opened::ask(link::Method method, std::string_view payload, Deadline deadline) const {
  link::Ask ask{.group = options_.group,
                .session = session_,
                .method = method,
                .payload = link::encode_handle(handle_),
                .limit = std::min<Duration>(deadline.left(clock_.steady()), std::chrono::hours(1)),
                .actor = options_.actor};
  ask.payload += payload;
  return ask;
}

void Opened::tell(link::Method method, std::string_view payload) {
  asker_.ask(ask(method, payload, Deadline::in(clock_, std::chrono::seconds(10))), std::make_shared<Ignored>());
}

void Opened::close() {
  if (session_ == 0) return;
  tell(link::Method::close_handle, {});
  session_ = 0;
}

void Opened::close_elsewhere() {
  if (session_ != 0) asker_.complain(session_);
  close();
}

}  // namespace plumb::remote
