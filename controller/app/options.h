#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "controller/app/trust.h"
#include "controller/base/clock.h"
#include "controller/base/log.h"

// What the command line asks for, checked and with its defaults; app/cli.cpp fills these in.
namespace plumb::app {

// Where secrets are besides environment and files.
struct SecretOptions {
  std::filesystem::path age_key_file;  // identities that open SOPS files
  std::string vault_address;           // empty: there is no Vault
  std::string vault_token_from;        // a reference: "env:VAULT_TOKEN"; or AppRole:
  std::string vault_role_id, vault_secret_id_from;
  std::string vault_namespace;
  std::filesystem::path vault_ca;
};

struct GlobalOptions {
  std::filesystem::path manifests = ".";
  std::filesystem::path source;  // a file with a GitRepository, in place of `manifests`; empty: none
  std::filesystem::path state = ".plumbline";
  std::vector<std::filesystem::path> policies;  // files or folders, besides those that are built in
  bool default_policies = true;
  Trust trust;            // what manifests may name
  std::string ns;         // empty: all namespaces
  std::string directory;  // empty: every Directory
  std::string output = "text";
  enum class Colour { automatic, always, never };
  Colour colour = Colour::automatic;
  log::Options logging;
  SecretOptions secrets;
  std::vector<std::string> egress;  // what integrations may connect to besides public addresses; see net::Egress
};

struct TestDirectoryOptions {
  std::string directory;   // empty: the only one
  std::string through;     // name of a Connector; empty: any of its group
  std::string scratch_ou;  // DN; empty: nothing is written
};

struct ValidateOptions {
  bool fetch = false;  // documents by URL
};

struct PlanOptions {
  std::string git;       // "A..B": what B would do beyond A; empty: the manifests as they are
  bool offline = false;  // against the last mirror
  bool detailed_exit_code = false;
  std::filesystem::path out;  // sealed plan file; empty: none
  Duration expires = std::chrono::hours(24);
  std::filesystem::path output_file;  // of the report; empty: standard output
};

struct ApplyOptions {
  std::filesystem::path plan_file;  // empty: plan now
  bool yes = false;
};

struct RunOptions {
  Duration connector_wait = std::chrono::minutes(1);  // of a round for those that its domains are reached through
  Duration interval = std::chrono::minutes(5);
  Duration poll = std::chrono::seconds(5);              // a cheap look, where the directory did not say that it changed
  Duration confirm_removal = std::chrono::seconds(30);  // see engine::LaneOptions::confirm_undeclared
  Duration settle = std::chrono::milliseconds(300);
  bool once = false;
  std::string api;                                 // address and port of the HTTP API; empty: it is not served
  std::filesystem::path api_certificate, api_key;  // PEM
};

struct GetOptions {
  std::string kind, name;  // name empty: all
};

struct ExplainOptions {
  std::string path;  // "ADUser.spec.mail"
  bool list = false;
};

struct ImportOptions {
  std::vector<std::string> from;  // DNs
  std::filesystem::path to;
  std::vector<std::string> kinds;       // "users", "groups", "ous"; empty: all
  std::vector<std::string> attributes;  // besides those with a field of their own
  bool dry_run = false;
};

struct ApproveOptions {
  std::string digest, reason;
  Duration expires = std::chrono::hours(24);
};

struct HoldOptions {
  std::string object;                   // KIND/NAME
  std::vector<std::string> attributes;  // empty: all of the object
  std::string until;                    // a duration or a time
  std::string reason;
  bool list = false;
  std::string release;  // KIND/NAME; not empty: that hold ends
};

struct DiffOptions {
  std::vector<std::string> revisions;  // none: HEAD and the files; one: it and the files, or "A..B"; two
  std::string at;                      // a commit: what the domain is beside it
  bool live = false;                   // ask the domain in place of its last mirror
  bool no_plan = false;
};

struct BlameOptions {
  std::string object;  // KIND/NAME
  bool offline = false;
};

struct HistoryOptions {
  std::string object;  // KIND/NAME
  std::size_t limit = 50;
};

struct RollbackOptions {
  std::string commit;  // empty: of `plan` or `release`
  std::string plan;    // digest of one applied plan
  std::string reason;
  bool pin = false, release = false;
  PlanOptions output;
};

struct ReconcileOptions {
  std::string directory;  // empty: the source and every Directory
};

struct SourceAcceptOptions {
  std::string commit, reason;
};

struct InvokeOptions {
  std::string integration, operation;
  std::vector<std::string> parameters;  // "name=value"
  std::string body;                     // JSON, or "@FILE"; empty: none
  std::string media_type;
  Duration timeout{};  // zero: the integration's
};

struct LoginOptions {
  std::string integration;
  std::string listen = "127.0.0.1:0";
  Duration timeout = std::chrono::minutes(10);
};

struct TokenOptions {
  std::string account, id, description;
  Duration expires = std::chrono::days(90);
  bool admin = false;
};

struct IntegrationOptions {
  std::string name, model;       // model: to make a manifest from
  std::string clone;             // name of the copy
  std::string source;            // of roles: "Title:Version"; empty: all
  std::string platform = "6.5";  // of export: the version of the Platform that it is for
  std::string from;              // of export: a file with such JSON, to be made manifests of
  std::string request_id;        // failures: only this call, with everything
};

struct SupportOptions {
  std::filesystem::path out;   // ZIP, which must not be there; empty: plumbline-support-<time>.zip
  std::string since = "168h";  // of the audit log, as AuditListOptions has it
  std::filesystem::path log;   // what the controller wrote, to go along; empty: none
};

struct LogLevelOptions {
  std::string integration, level;  // level empty: what it is
  Duration span = std::chrono::hours(1);
  std::string api = "http://127.0.0.1:8480";           // of the controller that is running
  std::string token_from = "env:PLUMBLINE_API_TOKEN";  // a reference
  std::filesystem::path ca;                            // that vouches for it; empty: the system's
};

struct AuditListOptions {
  std::string since;  // a duration ("24h") or a time; empty: the last 50 records
};

}  // namespace plumb::app
