// Package tlsrpt holds the values of SMTP TLS Reporting (RFC 8460): the TXT
// record that asks for reports, and the reports themselves.
//
// A mail domain says at _smtp._tls.<domain> where it wants to hear how TLS went.
// Senders that honour this send, usually once a day, a JSON text that says which
// policy they applied, how many sessions succeeded and how the others failed. It is
// the only way to see one's own mail hosts through the eyes of those who write to
// them, and so the evidence on which belay turns a policy from testing to enforce.
//
// Reports come from anybody and from many programs. ParseReport reads them in one
// streaming pass within fixed limits, is strict about what makes the figures
// doubtful, and lenient, with a finding each, about the liberties that known senders
// take. The package knows no mail and no network.
package tlsrpt
