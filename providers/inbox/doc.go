// Package inbox takes TLS reports (RFC 8460) from where mail leaves them: files,
// folders, Maildirs, mboxes and streams, and every other Source; package imap below
// it is one, and package receiver takes what is posted. It finds the report in a mail, whatever shape the sender
// gave it, judges by the mail's DKIM signature how far the report may be
// believed, keeps only what is about domains that have a rollout, and hands it
// to the report store in batches.
//
// Everything read here was written by strangers: anybody may mail to a report
// address. So every size, depth and count has a bound, nothing broken stops an
// import (it becomes one line of the summary), and no word of a report or mail
// reaches a sentence without finding.Clean.
package inbox
