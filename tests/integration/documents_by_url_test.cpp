// Documents by URL with the real program and nginx.

#include <csignal>
#include <fstream>

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "controller/base/digest.h"
#include "tests/support/http_process.h"
#include "tests/support/tls_certificates.h"
#include "tests/support/workbench.h"

namespace plumb::test {
namespace {

namespace fs = std::filesystem;
using testing::AllOf;
using testing::HasSubstr;

constexpr const char* kNginx = R"(
daemon off; master_process off; pid {0}/pid; error_log {0}/error.log;
events {{ worker_connections 64; }}
http {{
  access_log {0}/access.log;
  client_body_temp_path {0}/body; proxy_temp_path {0}/proxy; fastcgi_temp_path {0}/fastcgi;
  uwsgi_temp_path {0}/uwsgi; scgi_temp_path {0}/scgi;
  server {{ listen 127.0.0.1:{1}; root {0}/www; rewrite ^/latest$ /petstore.json redirect; }}
  server {{ listen 127.0.0.1:{2} ssl; ssl_certificate {0}/server.pem; ssl_certificate_key {0}/server.key; root {0}/www; }}
}})";
const std::string kPetstore =
    R"({"openapi": "3.0.3", "info": {"title": "Petstore", "version": "1"}, "servers": [{"url": "https://pets.example"}],
 "paths": {"/pets": {"get": {"operationId": "listPets", "responses": {"200": {"description": "ok"}}}}}})";

class DocumentsByUrlOfNginx : public testing::Test {
 protected:
  void SetUp() override {
    PLUMB_NEEDS("nginx");
    port_ = HttpProcess::free_port();
    tls_port_ = HttpProcess::free_port();
    nginx_.write("server.pem", server_.pem);
    nginx_.write("server.key", server_.key);
    fs::create_directories(fs::path(nginx_.folder()) / "www");
    fs::permissions(fs::path(nginx_.folder()) / "www", fs::perms::all);
    const auto settings = nginx_.write("nginx.conf", fmt::format(kNginx, nginx_.folder(), port_, tls_port_));
    nginx_.run({HttpProcess::path_of("nginx"), "-c", settings, "-p", nginx_.folder()}, tls_port_);
    folder_ = fs::path(nginx_.folder()) / "plumbline";
    fs::create_directories(folder_ / "manifests");
    std::ofstream(folder_ / "manifests/pets.yaml")
        << "apiVersion: plumbline.dev/v1alpha1\nkind: Integration\nmetadata: {name: pets}\n"
           "spec: {modelRef: {name: petstore}}\n";
    name(fmt::format("http://127.0.0.1:{}/latest", port_));
  }

  void name(const std::string& url) const {
    std::ofstream(folder_ / "manifests/model.yaml")
        << "apiVersion: plumbline.dev/v1alpha1\nkind: IntegrationModel\nmetadata: {name: petstore}\n"
           "spec:\n  document:\n    url: "
        << url << "\n    sha256: " << sha256(kPetstore) << "\n";
  }
  void publish() const {
    nginx_.write("www/petstore.json.new", kPetstore);
    fs::rename(fs::path(nginx_.folder()) / "www/petstore.json.new", fs::path(nginx_.folder()) / "www/petstore.json");
  }
  std::map<std::string, std::string> environment() const {
    return {{"PLUMBLINE_MANIFESTS", (folder_ / "manifests").string()},
            {"PLUMBLINE_STATE", (folder_ / "state").string()},
            {"PLUMBLINE_ALLOW_EGRESS", "127.0.0.0/8"},
            {"NO_COLOR", "1"}};
  }
  Ran plumbline(const std::vector<std::string>& arguments) const {
    return run_to_end(plumbline_command(arguments), environment());
  }

  const Certificate server_ = make_certificate({.common_name = "localhost", .names = {"DNS:localhost"}});
  std::uint16_t port_ = 0, tls_port_ = 0;
  HttpProcess nginx_;
  fs::path folder_;
};

TEST_F(DocumentsByUrlOfNginx, AreFetchedOnceAndNotNeededAgain) {
  publish();
  const Ran unseen = plumbline({"validate"});
  EXPECT_EQ(unseen.status, 0) << unseen.output;
  EXPECT_THAT(unseen.output, HasSubstr("the document was not looked at"));
  EXPECT_EQ(nginx_.read("access.log"), "");

  const Ran applied = plumbline({"apply", "--yes"});
  EXPECT_EQ(applied.status, 0) << applied.output;
  EXPECT_THAT(plumbline({"integration", "operations", "pets"}).output, HasSubstr("listPets"));
  const std::string log = nginx_.read("access.log");
  EXPECT_THAT(log, AllOf(HasSubstr("GET /latest"), HasSubstr("GET /petstore.json")));

  fs::remove(fs::path(nginx_.folder()) / "www/petstore.json");
  const Ran again = plumbline({"plan", "--detailed-exitcode"});
  EXPECT_EQ(again.status, 0) << again.output;
  EXPECT_EQ(plumbline({"validate"}).output, "2 objects are valid\n");
  EXPECT_EQ(nginx_.read("access.log"), log);
}

TEST_F(DocumentsByUrlOfNginx, WhatComesLaterIsTakenByTheControllerThatRuns) {
  Background run(plumbline_command({"run", "--settle", "50ms"}), environment());
  ASSERT_TRUE(run.prints("2 held")) << run.output();
  ASSERT_TRUE(run.prints("model.yaml:6:5: /spec/document/url: fetching http://127.0.0.1")) << run.output();
  publish();
  run.signal(SIGHUP);  // looks now, in place of at the next interval
  ASSERT_TRUE(run.prints("change.done create IntegrationModel/default/petstore")) << run.output();
  run.signal(SIGTERM);
  EXPECT_EQ(run.ends(), 0) << run.output();
}

TEST_F(DocumentsByUrlOfNginx, ACertificateOfNobodyIsNotTrusted) {
  publish();
  name(fmt::format("https://localhost:{}/petstore.json", tls_port_));
  const Ran ran = plumbline({"validate", "--fetch"});
  EXPECT_EQ(ran.status, 1);
  EXPECT_THAT(ran.output, AllOf(HasSubstr("model.yaml:6:5: /spec/document/url"), HasSubstr("certificate")));
}

}  // namespace
}  // namespace plumb::test
