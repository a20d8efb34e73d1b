// Package imap takes report mails out of a folder of an IMAP server (RFC 3501, RFC
// 9051), always over TLS.
//
// It reads and changes nothing: the folder is opened by EXAMINE and mails are
// fetched by BODY.PEEK, so that a mail keeps whatever flags it has; only where the
// operator asks for it are the mails with reports of ours marked as seen. What was
// read is remembered by the folder's UIDVALIDITY and the last UID (RFC 3501 section
// 2.3.1.1), and remembered only when the reports in it are on disk: a belay that was
// killed reads a few mails twice, and the report store knows them again. A folder
// with another UIDVALIDITY is another folder, and read from its beginning.
//
// The server is not trusted further than its certificate reaches: each line and each
// mail has a bound, each answer a deadline, and no word of it reaches a sentence
// without finding.Clean.
package imap
