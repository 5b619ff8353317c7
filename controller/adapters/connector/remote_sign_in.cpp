#include <utility>

#include "controller/adapters/connector/opened.h"
#include "controller/adapters/connector/remote_directory.h"
#include "controller/link/conversation.h"
#include "controller/link/sign_in_codec.h"

namespace plumb::remote {
namespace {

class RemoteSignIn final : public SignIn {
 public:
  RemoteSignIn(Options options, link::Asker& asker, SecretStore& secrets, const Clock& clock)
      : options_(std::move(options)), asker_(asker), secrets_(secrets), clock_(clock) {}

  SignInAnswer sign_in(const SignInRequest& request, Deadline deadline) override {
    const auto failed = [](Error error) { return tl::unexpected(NotSignedIn{{}, std::move(error)}); };
    auto opening = opening_of(options_, secrets_);
    if (!opening) return failed(std::move(opening).error());
    link::Conversation conversation(asker_, clock_,
                                    {.group = options_.group,
                                     .method = link::Method::sign_in,
                                     .payload = link::encode(*opening, request),
                                     .limit = deadline.left(clock_.steady()),
                                     .actor = options_.actor});
    const auto answer = conversation.all(deadline);
    if (!answer) return failed(answer.error());
    return link::decode_sign_in_answer(*answer);
  }

 private:
  const Options options_;
  link::Asker& asker_;
  SecretStore& secrets_;
  const Clock& clock_;
};

}  // namespace

std::unique_ptr<SignIn> make_sign_in(Options options, link::Asker& asker, SecretStore& secrets, const Clock& clock) {
  return std::make_unique<RemoteSignIn>(std::move(options), asker, secrets, clock);
}

}  // namespace plumb::remote
