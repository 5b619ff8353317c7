#pragma once

#include <atomic>
#include <cstdint>
#include <string>
#include <thread>

namespace plumb::test {

// An LDAP server over TLS on loopback that says what a test tells it to, to see what a client makes of answers that no
// healthy domain controller gives. It speaks as much of RFC 4511 and RFC 2696 as the reads of our adapter need: binds
// succeed, searches of one entry tell of a small domain, DC=ad,DC=test, and other searches answer two pages, or all in
// one where no pages are asked for. Searches with the DirSync control answer a pointer to another server, and u1 unless
// they bring a cookie.
class LdapStub {
 public:
  // What becomes of one page of a paged search.
  struct Fault {
    int code = 0;            // resultCode of the SearchResultDone (RFC 4511 section 4.1.9)
    bool referral = false;   // with a referral to another server
    bool reference = false;  // a SearchResultReference among the entries
    bool cut = false;        // the connection ends after the first entry
    bool repeated = false;   // the entries of the page before once more, in place of its own
    bool unpaged = false;    // the answer has no control: the server ignored ours
    bool wrong_id = false;   // the SearchResultDone answers another request
    bool garbage = false;    // what follows the first entry is no BER
    bool half = false;       // the entry announces more bytes than come before the connection ends
  };

  // `folder`: where the certificate is left.
  explicit LdapStub(const std::string& folder);
  ~LdapStub();
  LdapStub(const LdapStub&) = delete;
  LdapStub& operator=(const LdapStub&) = delete;

  std::string url() const;
  const std::string& ca_file() const { return ca_file_; }

  // From now on, for every search of more than one entry: at page 1 or 2. Without pages, all is page 1.
  void fail_page(int page, Fault fault);
  void heal() { page_ = 0; }
  // highestCommittedUSN; the entries of the pages have lower ones.
  std::atomic<std::uint64_t> usn{1000};
  // The server's invocationId is sixteen of this letter.
  std::atomic<char> server{'i'};
  // Two entries do not fit into an answer without pages.
  std::atomic<bool> small_pages{false};
  // Modifications that came; all are done.
  std::atomic<int> written{0};

 private:
  struct Session;
  void serve();

  std::string ca_file_, key_file_;
  int listener_ = -1, port_ = 0;
  std::atomic<int> socket_{-1};
  std::atomic<int> page_{0};
  Fault fault_;  // set while the server waits for a request
  std::atomic<bool> stop_{false};
  std::thread thread_;
};

}  // namespace plumb::test
