#include "controller/runtime/sign_ins.h"

#include <algorithm>

#include "controller/base/digest.h"
#include "controller/base/text.h"

namespace plumb::runtime {
namespace {

using Kind = SignInOutcome::Kind;
using End = AttemptLimit::End;

// Of what ends a prefix: what no account is called with (MS-SAMR 3.1.1.6), but another directory could have in a name.
constexpr std::string_view kSeparators = "/\\:";
constexpr std::string_view kWrong = "the name or the password is wrong, or the account is locked";
constexpr Duration kTellAgain = std::chrono::minutes(1);
constexpr std::string_view kTooMany = "too many attempts to sign in went wrong";

// What Active Directory says only to a password that is right, so that it may be told. `locked` is no such thing.
struct Reason {
  SignInRefusal refusal;
  std::string_view words;
};
constexpr Reason kTold[] = {
    {SignInRefusal::not_now, "the account may not sign in at this time"},
    {SignInRefusal::not_here, "the account may not sign in from here"},
    {SignInRefusal::password_expired, "the password has expired"},
    {SignInRefusal::disabled, "the account is disabled"},
    {SignInRefusal::account_expired, "the account has expired"},
    {SignInRefusal::must_change_password, "the password has to be changed before it can be used"},
    {SignInRefusal::empty_password, "the password is empty"},
};

SignInOutcome outcome(Kind kind, std::string_view message, const ResourceKey& directory = {}) {
  SignInOutcome result;
  result.kind = kind;
  result.message = message;
  result.directory = directory;
  return result;
}

SignInOutcome wait_for(Kind kind, std::string_view message, Duration wait) {
  SignInOutcome result = outcome(kind, message);
  result.retry_after = wait;
  return result;
}

// A place among the attempts for one key; ends as nothing where nobody says otherwise.
class Claim {
 public:
  Claim(AttemptLimit& limit, std::string key, int most)
      : limit_(limit), key_(std::move(key)), wait_(limit.take(key_, most)) {}
  ~Claim() {
    if (!wait_) limit_.settle(key_, end_);
  }
  Claim(const Claim&) = delete;
  Claim& operator=(const Claim&) = delete;
  const std::optional<Duration>& wait() const { return wait_; }
  void end(End end) { end_ = end; }

 private:
  AttemptLimit& limit_;
  std::string key_;
  std::optional<Duration> wait_;
  End end_ = End::neither;
};

bool can_be_told_apart(std::string_view name) {
  return !name.empty() && name.find_first_of(kSeparators) == std::string_view::npos && printable(name) == name;
}

SignInOutcome signed_in(const SignInDirectory& directory, const SignedIn& who) {
  SignInOutcome result = outcome(Kind::signed_in, "", directory.key);
  result.user = directory.prefix + who.account;
  result.display_name = who.display_name;
  result.lifetime = directory.token_lifetime;
  for (const SignedIn::Group& group : who.groups)
    if (can_be_told_apart(group.account)) result.groups.push_back(directory.prefix + group.account);
  result.record = fmt::format("{} ({}) signed in, of {} groups", result.user, printable(who.dn), result.groups.size());
  return result;
}

// What was typed is not recorded where no account has it: it may be a password in the wrong place.
SignInOutcome refused(const SignInDirectory& directory, const std::string& account, const NotSignedIn& why) {
  const auto* const told = std::ranges::find(kTold, *why.refusal, &Reason::refusal);
  const bool tells = told != std::end(kTold);
  SignInOutcome result = outcome(tells ? Kind::refused : Kind::wrong, tells ? told->words : kWrong, directory.key);
  result.user = account.empty() ? "" : directory.prefix + account;
  result.record = fmt::format("{}: {}", to_string(*why.refusal), why.error.message);
  return result;
}

}  // namespace

SignIns::SignIns(EventLoop& loop, const Clock& clock, SignInsOptions options)
    : loop_(loop),
      clock_(clock),
      options_(options),
      by_network_(clock, {.window = options.address_window}),
      by_login_(clock, {}),
      by_account_(clock, {.keys = 100'000, .forgets = false}) {}

SignIns::~SignIns() {
  {
    const std::scoped_lock lock(mutex_);
    stopping_ = true;
  }
  wake_.notify_all();
  for (std::thread& each : threads_) each.join();
}

void SignIns::publish(Directories directories) {
  std::map<std::string, std::vector<SignInDirectory*>> by_prefix;
  for (SignInDirectory& each : directories) by_prefix[each.prefix].push_back(&each);
  for (const auto& [prefix, same] : by_prefix) {
    if (same.size() < 2) continue;
    for (SignInDirectory* each : same) {
      each->sign_in.reset();
      each->problem = fmt::format(
          "{} and {} have the same spec.signIn.prefix, so that their people could not be told "
          "apart",
          same[0]->key, same[1]->key);
    }
  }
  std::vector<std::shared_ptr<const SignInDirectory>> all;
  for (SignInDirectory& each : directories) all.push_back(std::make_shared<const SignInDirectory>(std::move(each)));
  directories_.with([&](auto& now) { now.swap(all); });  // the old ones go outside of the lock
}

void SignIns::begin(SignInAttempt attempt, Done done) {
  {
    const std::scoped_lock lock(mutex_);
    if (queue_.size() < options_.waiting) {
      while (threads_.size() < options_.at_once) threads_.emplace_back([this] { work(); });
      queue_.push_back({std::move(attempt), std::move(done), clock_.steady()});
      done = {};
    }
  }
  if (done) return done(wait_for(Kind::busy, "too many people are signing in; try again", std::chrono::seconds(1)));
  wake_.notify_one();
}

void SignIns::work() {
  for (;;) {
    Waiting next;
    {
      std::unique_lock lock(mutex_);
      wake_.wait(lock, [&] { return stopping_ || !queue_.empty(); });
      if (stopping_) return;
      next = std::move(queue_.front());
      queue_.pop_front();
    }
    const bool late = clock_.steady() - next.since > options_.longest;  // nobody waits any more
    SignInOutcome result =
        late ? wait_for(Kind::busy, "it took too long; try again", std::chrono::seconds(1)) : try_now(next.attempt);
    loop_.post([done = std::move(next.done), result = std::move(result)] { done(result); });
  }
}

// Recorded once a minute: these are the attempts that no limit counts, and anybody may make them.
SignInOutcome SignIns::not_available(const SignInDirectory& directory, const std::string& why) {
  SignInOutcome result = outcome(
      Kind::not_available, "the directory cannot be asked now; the controller's audit log says why", directory.key);
  const SteadyTime now = clock_.steady();
  const bool tells = told_.with([&](auto& told) {
    const auto [last, first] = told.try_emplace(directory.key, now);
    if (!first && now - last->second < kTellAgain) return false;
    last->second = now;
    return true;
  });
  if (tells) result.record = "the directory could not be asked: " + why;
  return result;
}

std::shared_ptr<const SignInDirectory> SignIns::choose(const std::string& name, SignInOutcome& otherwise) const {
  const auto all = directories_.with([](const auto& now) { return now; });
  if (all.empty()) {
    otherwise = outcome(Kind::not_served, "no Directory lets people sign in (spec.signIn.enabled)");
    return nullptr;
  }
  if (name.empty()) {
    if (all.size() == 1) return all.front();
    std::vector<std::string> names;
    for (const auto& each : all) names.push_back(fmt::format("{}/{}", each->key.ns, each->key.name));
    otherwise = outcome(Kind::which, fmt::format("\"directory\" has to be one of {}", join(names, ", ")));
    return nullptr;
  }
  for (const auto& each : all)
    if (fmt::format("{}/{}", each->key.ns, each->key.name) == name) return each;
  otherwise = outcome(Kind::not_served, fmt::format("there is no Directory \"{}\" that lets people sign in; it is "
                                                    "named as \"namespace/name\"",
                                                    printable(name)));
  return nullptr;
}

SignInOutcome SignIns::try_now(const SignInAttempt& attempt) {
  SignInOutcome otherwise;
  const auto directory = choose(attempt.directory, otherwise);
  if (directory == nullptr) return otherwise;
  if (directory->sign_in == nullptr) return not_available(*directory, directory->problem);
  Claim network(by_network_, attempt.network, options_.wrong_by_address);
  if (network.wait()) return wait_for(Kind::too_many, kTooMany, *network.wait());
  Claim login(by_login_, fmt::format("{}\n{}", directory->key, fold_case(attempt.login)), directory->wrong_passwords);
  if (login.wait()) return wait_for(Kind::too_many, kTooMany, *login.wait());
  SignInOutcome result = try_in(*directory, attempt);
  if (result.kind == Kind::wrong) {
    network.end(End::wrong);
    login.end(End::wrong);
  } else if (result.kind == Kind::signed_in) {
    // Not of the address: whoever has one account could else try as many others from there as they like.
    login.end(End::right);
  }
  return result;
}

SignInOutcome SignIns::try_in(const SignInDirectory& directory, const SignInAttempt& attempt) {
  const Deadline deadline = Deadline::in(clock_, options_.longest);
  SignInRequest request{.login_attributes = directory.login_attributes,
                        .base_dns = directory.base_dns,
                        .login = attempt.login,
                        .password = nullptr,
                        .with_groups = true,
                        .find_only = true};
  const SignInAnswer found = directory.sign_in->sign_in(request, deadline);
  if (!found && !found.error().refusal) return not_available(directory, found.error().error.message);
  request.find_only = false;
  request.password = attempt.password;
  std::optional<Claim> account;
  if (found) account.emplace(by_account_, fmt::format("{}\n{}", directory.key, found->id), directory.wrong_passwords);
  const bool held = account && account->wait();
  // The same work for what is not tried, and nothing of it at the account.
  if (held) request.login = random_hex(16);
  const SignInAnswer answer = directory.sign_in->sign_in(request, deadline);
  const std::string name = found ? found->account : "";
  if (held)
    return refused(directory, name,
                   {SignInRefusal::wrong_password,
                    {Fault::denied, "not tried: too many wrong passwords for this account before", {}}});
  if (!answer) {
    const auto& [refusal, error] = answer.error();
    if (!refusal) {
      if (account && error.fault == Fault::timeout) account->end(End::wrong);
      return not_available(directory, error.message);
    }
    SignInOutcome result = refused(directory, name, answer.error());
    if (account && result.kind == Kind::wrong) account->end(End::wrong);
    return result;
  }
  // Somebody else has the login since.
  if (!found || found->id != answer->id)
    return refused(directory, name, {SignInRefusal::unknown_user, {Fault::conflict, "the login has moved", {}}});
  account->end(End::right);
  if (!can_be_told_apart(answer->account))
    return not_available(directory, fmt::format("the account name \"{}\" cannot be told apart from one of another "
                                                "directory",
                                                printable(answer->account)));
  return signed_in(directory, *answer);
}

}  // namespace plumb::runtime
