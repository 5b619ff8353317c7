#include "connector/site.h"

#include <algorithm>
#include <map>
#include <mutex>
#include <utility>

#include "connector/files.h"
#include "connector/guarded_directory.h"
#include "connector/site_reports.h"
#include "connector/storage.h"
#include "controller/adapters/ldap/ldap_directory.h"
#include "controller/adapters/ldap/sign_in.h"
#include "controller/base/digest.h"
#include "controller/base/text.h"
#include "controller/link/sign_in_codec.h"

namespace plumb::connector {
namespace {

constexpr std::string_view kLocal = "connector:";

// A file that the controller names: only what the site has put there for that.
Result<void> check_file(const std::string& file, const std::filesystem::path& directory, std::string_view what) {
  if (file.empty()) return {};
  const std::filesystem::path path(file);
  const bool plain = std::ranges::none_of(path, [](const auto& part) { return part == ".." || part == "."; });
  if (plain && path.parent_path() == directory) return {};
  return fail(Fault::denied, "{}: the {} has to be in {} of the connector's machine", printable(file), what,
              directory.string());
}

ldap::Options ldap_options(const link::DirectoryOpening& opening, const DirectoryRule& rule) {
  using Opening = link::DirectoryOpening;
  ldap::Options options;
  options.servers = opening.servers;
  switch (opening.tls) {
    case Opening::Tls::ldaps: options.tls = ldap::Options::Tls::ldaps; break;
    case Opening::Tls::start_tls: options.tls = ldap::Options::Tls::start_tls; break;
    case Opening::Tls::none: options.tls = ldap::Options::Tls::none; break;
  }
  options.ca_file = rule.ca_file;  // whom to trust here is the site's to say
  options.server_name = opening.server_name;
  options.bind = opening.bind == Opening::Bind::gssapi ? ldap::Options::Bind::gssapi : ldap::Options::Bind::simple;
  options.username = opening.username;
  options.password_from = opening.password != nullptr ? std::string(SiteSecrets::kGiven) : opening.password_from;
  options.principal = opening.principal;
  options.keytab_file = opening.keytab_file;
  options.krb5_config_file = opening.krb5_config_file;
  options.base_dn = opening.base_dn;
  options.connect_timeout = opening.connect_timeout;
  options.operation_timeout = opening.operation_timeout;
  options.read_timeout = opening.read_timeout;
  options.page_size = opening.page_size;
  options.writes_in_flight = opening.writes_in_flight;
  return options;
}

// Keeps the secrets for as long as it is there.
class KeptWatch final : public DirectoryWatch {
 public:
  KeptWatch(std::unique_ptr<SiteSecrets> secrets, std::unique_ptr<DirectoryWatch> watch)
      : secrets_(std::move(secrets)), watch_(std::move(watch)) {}
  Result<bool> wait(Deadline deadline, std::stop_token stop) override {
    return watch_->wait(deadline, std::move(stop));
  }

 private:
  const std::unique_ptr<SiteSecrets> secrets_;
  const std::unique_ptr<DirectoryWatch> watch_;
};

// The rule for what is to be opened, and whether the rest of the settings is the controller's to choose.
Result<const DirectoryRule*> rule_for(const SiteParts& parts, const link::DirectoryOpening& opening) {
  PLUMB_TRY(const DirectoryRule* const rule, parts.policy.directory(opening.servers));
  PLUMB_TRY(const Dn base, Dn::parse(opening.base_dn));
  // All of the domain, or nothing: what is left out of an answer looks like what is not there any more.
  PLUMB_CHECK(parts.policy.may_read(*rule, base));
  // A password goes to whoever has a certificate of that name.
  PLUMB_CHECK(parts.policy.may_call_server(*rule, opening.server_name));
  PLUMB_CHECK(parts.policy.may_bind_as(
      *rule, opening.bind == link::DirectoryOpening::Bind::gssapi ? opening.principal : opening.username));
  if (opening.password_from.starts_with(kLocal))
    PLUMB_CHECK(parts.policy.may_use_secret(*rule, opening.password_from.substr(kLocal.size())));
  if (!opening.keytab_file.empty())
    PLUMB_CHECK(parts.policy.may_use_secret(*rule, std::filesystem::path(opening.keytab_file).filename().string()));
  PLUMB_CHECK(check_file(opening.keytab_file, parts.config.secrets_directory, "keytab"));
  if (opening.krb5_config_file != "/etc/krb5.conf")
    PLUMB_CHECK(check_file(opening.krb5_config_file, parts.config.secrets_directory, "Kerberos configuration"));
  return rule;
}

// Whom to trust is the site's to say, here as well.
Result<void> may_send(const Policy& policy, const HttpRequest& request, HttpRoute& route) {
  PLUMB_TRY(const HttpRule* const rule, policy.may_send(request.method, request.url, request.headers));
  route.tls.verify = true;
  route.tls.server_name.clear();
  route.tls.ca = nullptr;
  if (!rule->ca_file.empty()) {
    PLUMB_TRY(std::string ca, read_plain(rule->ca_file));
    route.tls.ca = std::make_shared<const std::string>(std::move(ca));
  }
  if (!route.proxy) return {};
  // A proxy is a host that is connected to, whatever is behind it.
  const Url proxy{.scheme = "http", .host = route.proxy->host, .port = route.proxy->port, .path = "/", .query = {}};
  PLUMB_CHECK(policy.may_send("CONNECT", proxy));
  return {};
}

void keep(const SiteParts& parts, const WorkRecord& work) {
  const bool denied = work.result == to_string(Fault::denied);
  if (denied) {
    ++parts.tally.refused;
  } else if (work.result != "done" && work.result != "refused") {  // the latter: a wrong password is no fault of ours
    ++parts.tally.failed;
  }
  LocalRecord record{.request = std::to_string(work.request),
                     .actor = work.actor,
                     .operation = work.operation,
                     .object = work.object,
                     .result = work.result,
                     .reason = work.message,
                     .security = denied};
  if (denied) record.result = "refused";
  if (work.result == to_string(Fault::timeout)) record.result = "unknown";
  if (const auto kept = parts.audit.append(record); !kept) log::error("audit.lost", "{}", kept.error().message);
  // An error, as the controller sets the level down to which the log says something.
  if (record.security) log::error("security.refused", "{} {}: {}", work.operation, work.object, work.message);
}

// Kept from one question to the next: a SignIn knows that its own account was refused, and does not try it on and on
// until the domain locks it. Thread-safe.
class SignIns {
 public:
  explicit SignIns(const SiteParts& parts) : parts_(parts) {}

  std::shared_ptr<SignIn> of(const link::DirectoryOpening& opening, const DirectoryRule& rule) {
    std::string settings = encode(opening);
    const std::string digest = hmac_sha256(key_, settings);
    wipe(settings);
    const std::scoped_lock lock(mutex_);
    if (const auto found = all_.find(digest); found != all_.end()) return {found->second, found->second->sign_in.get()};
    if (all_.size() >= kMost) all_.clear();
    auto made = std::make_shared<Kept>(parts_.config, opening.password);
    made->sign_in = ldap::make_sign_in(ldap_options(opening, rule), made->secrets, parts_.clock);
    return {all_[digest] = made, made->sign_in.get()};
  }

 private:
  static constexpr std::size_t kMost = 16;
  struct Kept {
    Kept(const Config& config, std::shared_ptr<const Secret> given) : secrets(config, std::move(given)) {}
    SiteSecrets secrets;
    std::unique_ptr<SignIn> sign_in;
  };
  const SiteParts parts_;
  const std::string key_ = random_raw(32);
  std::mutex mutex_;
  std::map<std::string, std::shared_ptr<Kept>> all_;
};

Result<SignInAnswer> try_sign_in(const SiteParts& parts, SignIns& sign_ins, const link::Job& job) {
  PLUMB_TRY(const link::SignInAsk ask, link::decode_sign_in(job.payload));
  PLUMB_TRY(const DirectoryRule* const rule, rule_for(parts, ask.opening));
  PLUMB_CHECK(parts.policy.may_authenticate(*rule));
  for (const std::string& base : ask.request.base_dns) {
    PLUMB_TRY(const Dn dn, Dn::parse(base));
    PLUMB_CHECK(parts.policy.may_read(*rule, dn));
  }
  return sign_ins.of(ask.opening, *rule)->sign_in(ask.request, Deadline{job.until});
}

// The record has no login in it: people type their password there.
Result<std::string> sign_in(const SiteParts& parts, SignIns& sign_ins, const link::Job& job) {
  const auto answer = try_sign_in(parts, sign_ins, job);
  WorkRecord record{.request = job.request, .actor = job.actor, .operation = "sign_in", .object = {}, .result = "done"};
  if (!answer) {
    record.result = to_string(answer.error().fault);
    record.message = answer.error().message;
  } else if (*answer) {
    record.object = (*answer)->dn;
  } else {
    const NotSignedIn& why = answer->error();
    record.result = why.refusal ? "refused" : std::string(to_string(why.error.fault));
    record.message = why.refusal ? std::string(to_string(*why.refusal)) : why.error.message;
  }
  keep(parts, record);
  PLUMB_CHECK(answer);
  return link::encode_answer(*answer);
}

}  // namespace

Result<Secret> SiteSecrets::fetch(const std::string& reference) {
  if (reference == kGiven && given_ != nullptr) return Secret(std::string(given_->reveal()));
  if (!reference.starts_with(kLocal))
    return fail(Fault::invalid, "\"{}\" is no secret of this site", printable(reference));
  return local_secret(config_, std::string_view(reference).substr(kLocal.size()));
}

Result<void> SiteSecrets::deliver(const std::string& reference, const Secret&) {
  return fail(Fault::invalid, "\"{}\" takes nothing", printable(reference));
}

Skills skills_of(const SiteParts& parts) {
  Skills skills;
  skills.directory = [parts](const link::DirectoryOpening& opening,
                             Skills::Gone gone) -> Result<std::unique_ptr<Directory>> {
    PLUMB_TRY(const DirectoryRule* const rule, rule_for(parts, opening));
    auto secrets = std::make_shared<SiteSecrets>(parts.config, opening.password);
    ldap::Options options = ldap_options(opening, *rule);
    options.sends_no_more = std::move(gone);
    auto directory = ldap::make_directory(std::move(options), *secrets, parts.clock);
    return guard(std::move(directory), parts.policy, *rule, std::move(secrets));
  };
  skills.watch = [parts](const link::DirectoryOpening& opening) -> Result<std::unique_ptr<DirectoryWatch>> {
    PLUMB_TRY(const DirectoryRule* const rule, rule_for(parts, opening));
    auto secrets = std::make_unique<SiteSecrets>(parts.config, opening.password);
    auto watch = ldap::make_watch(ldap_options(opening, *rule), *secrets, parts.clock);
    return std::make_unique<KeptWatch>(std::move(secrets), std::move(watch));
  };
  skills.may_send = [parts](const HttpRequest& request, HttpRoute& route) {
    return may_send(parts.policy, request, route);
  };
  skills.http = &parts.http;
  skills.other = [parts, sign_ins = std::make_shared<SignIns>(parts)](const link::Job& job, Reply& reply) {
    if (job.method == link::Method::sign_in) return sign_in(parts, *sign_ins, job);
    // Taken down before: to follow the log may take a day.
    keep(parts, {.request = job.request,
                 .actor = job.actor,
                 .operation = std::string(link::to_string(job.method)),
                 .object = {},
                 .result = "done"});
    return report(job.method, reply, {parts.config, parts.policy, Deadline{job.until}});
  };
  skills.record = [parts](const WorkRecord& work) { keep(parts, work); };
  return skills;
}

}  // namespace plumb::connector
