package inbox

import (
	"bytes"
	"strings"
)

// reportType reports whether a part of this media type may be a report: the two
// registered ones (RFC 8460 section 6.4, 6.5) and what senders and gateways make
// of them.
func reportType(kind string) bool {
	switch kind {
	case "application/tlsrpt+gzip", "application/tlsrpt+json", "application/tlsrpt",
		"application/gzip", "application/x-gzip", "application/zip", "application/x-zip-compressed",
		"application/json":
		return true
	}
	return false
}

// reportName reports whether a file of this name may be a report (RFC 8460
// section 5.1, and zip, which some gateways put around it).
func reportName(name string) bool {
	name = strings.ToLower(name)
	for _, end := range []string{".json", ".json.gz", ".gz", ".zip"} {
		if strings.HasSuffix(name, end) {
			return true
		}
	}
	return false
}

// The forms that first bytes tell.
const (
	formGzip = "gzip"
	formZip  = "zip"
	formJSON = "json"
)

// sniff tells a report's form by its first bytes; it is empty for anything else.
func sniff(b []byte) string {
	switch {
	case bytes.HasPrefix(b, []byte{0x1f, 0x8b}):
		return formGzip
	case bytes.HasPrefix(b, []byte("PK\x03\x04")):
		return formZip
	case bytes.HasPrefix(bytes.TrimLeft(b, "\ufeff \t\r\n"), []byte("{")):
		return formJSON
	}
	return ""
}
