// Package lab is the internet in a box, in process: everything that MTA-STS (RFC
// 8461) and TLS reporting (RFC 8460) touch, small and real, on loopback sockets.
//
// There is a root and a top level domain test., a mail domain corp.test with a
// primary and a secondary name server, a recursive resolver that caches, MX hosts
// that speak SMTP with STARTTLS, a policy host over HTTPS, a certificate
// authority, and other people's mail systems that send to corp.test, fetch and
// cache its policy and write signed reports about what they met. Nothing in it is
// acted: a look at the lab asks real questions over real sockets.
//
// The lab has documentation addresses (192.0.2.0/24, 2001:db8::/32) laid over
// loopback ports, so it needs no root and no second machine, and its Network
// refuses to dial anything else. Its clock can be wound: certificates, caches and
// days follow it. Faults are switched on and off while it runs.
//
// It serves `belay demo` and the tests of every other package.
package lab
