package inbox

import (
	"bytes"
	"crypto"
	"crypto/ed25519"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"errors"
	"fmt"
	"slices"
	"strings"
)

// A signature is one DKIM-Signature field (RFC 6376 section 3.5).
//
// go-msgauth verifies the signatures of reports, but for one thing: it reads the
// machine's clock, and refuses whatever has expired by now. A report that came in
// before its signature expired, and is read later, is verified here instead, by the
// same steps without that one.
type signature struct {
	field []byte // the whole field
	tags  map[string]string
}

// signatures are the mail's DKIM-Signature fields in order; one that cannot be read
// has no tags.
func (h headed) signatures() []signature {
	var out []signature
	for _, f := range h.fields {
		if value, ok := named(f, "DKIM-Signature"); ok {
			out = append(out, signature{field: f, tags: tagsOf(string(value))})
		}
	}
	return out
}

// tagsOf reads a tag list (RFC 6376 section 3.2), without white space in the values;
// nil where it is none.
func tagsOf(list string) map[string]string {
	tags := make(map[string]string)
	for part := range strings.SplitSeq(list, ";") {
		name, value, ok := strings.Cut(part, "=")
		if name = strings.TrimSpace(name); !ok {
			if name == "" {
				continue // behind the last semicolon
			}
			return nil
		}
		if _, twice := tags[name]; twice {
			return nil
		}
		tags[name] = strings.Join(strings.Fields(value), "")
	}
	return tags
}

// domain is d=, the domain that signs.
func (s signature) domain() string { return s.tags["d"] }

// coversBody reports whether the whole body of h is the one that was signed. It
// says nothing about who signed.
func (s signature) coversBody(h headed) bool {
	hash, err := base64.StdEncoding.DecodeString(s.tags["bh"])
	if err != nil || !strings.HasSuffix(s.tags["a"], "-sha256") {
		return false
	}
	if _, partly := s.tags["l"]; partly {
		return false
	}
	_, relaxed, ok := s.canonical()
	sum := sha256.Sum256(canonicalBody(h.body, relaxed))
	return ok && bytes.Equal(hash, sum[:])
}

// canonical says whether header and body are relaxed, and whether c= is known.
func (s signature) canonical() (header, body, ok bool) {
	h, b, _ := strings.Cut(s.tags["c"], "/")
	known := func(name string) bool { return name == "" || name == "simple" || name == "relaxed" }
	return h == "relaxed", b == "relaxed", known(h) && known(b)
}

// verify verifies the signature over h by the key in a record at its selector,
// whenever it may have expired. An error says why it does not hold.
func (s signature) verify(h headed, records []string) error {
	for _, need := range []string{"v", "a", "b", "bh", "d", "h", "s"} {
		if s.tags[need] == "" {
			return fmt.Errorf("the signature has no %s=", need)
		}
	}
	switch i, has := s.tags["i"]; {
	case s.tags["v"] != "1":
		return errors.New("the signature is of an unknown version")
	case has && !strings.HasSuffix(i, "@"+s.domain()) && !strings.HasSuffix(i, "."+s.domain()):
		return errors.New("i= is not of the domain that signs")
	case len(records) != 1:
		return fmt.Errorf("%d key records, not one", len(records))
	case s.tags["l"] != "":
		return errors.New("it covers only a part of the body")
	}
	key, err := keyIn(records[0], s.tags["a"])
	if err != nil {
		return err
	}
	if !s.coversBody(h) {
		return errors.New(bodyChanged)
	}
	signed, err := s.signedHeader(h)
	if err != nil {
		return err
	}
	value, err := base64.StdEncoding.DecodeString(s.tags["b"])
	if err != nil {
		return errors.New("b= is not base64")
	}
	sum := sha256.Sum256(signed)
	switch key := key.(type) {
	case *rsa.PublicKey:
		return rsa.VerifyPKCS1v15(key, crypto.SHA256, sum[:], value)
	case ed25519.PublicKey:
		if ed25519.Verify(key, sum[:], value) {
			return nil
		}
	}
	return errors.New("the signature is of another key, or over another header")
}

// signedHeader is what of the header the signature is over (RFC 6376 section 3.7):
// the fields that h= names, each name the lowest that was not used yet, and the
// signature's own field without the value of b=.
func (s signature) signedHeader(h headed) ([]byte, error) {
	relaxed, _, ok := s.canonical()
	if !ok {
		return nil, errors.New("c= is unknown")
	}
	names := strings.Split(strings.ToLower(s.tags["h"]), ":")
	if !slices.Contains(names, "from") {
		return nil, errors.New("From is not signed")
	}
	var out []byte
	used := make(map[string]int)
	for _, name := range names {
		skip := used[name]
		used[name]++
		for _, f := range slices.Backward(h.fields) {
			if _, is := named(f, name); !is {
				continue
			}
			if skip--; skip < 0 {
				out = append(out, canonicalField(f, relaxed)...)
				break
			}
		}
	}
	own := canonicalField(s.unsigned(), relaxed)
	return append(out, bytes.TrimSuffix(own, []byte("\r\n"))...), nil
}

// unsigned is the signature's field without the value of b=.
func (s signature) unsigned() []byte {
	name, list, _ := bytes.Cut(s.field, []byte(":"))
	parts := bytes.Split(list, []byte(";"))
	for i, part := range parts {
		tag, _, ok := bytes.Cut(part, []byte("="))
		if ok && string(bytes.TrimSpace(tag)) == "b" {
			parts[i] = append(bytes.Clone(tag), '=')
			if i == len(parts)-1 {
				parts[i] = append(parts[i], "\r\n"...)
			}
		}
	}
	return slices.Concat(name, []byte(":"), bytes.Join(parts, []byte(";")))
}

// keyIn is the public key of a DKIM key record (RFC 6376 section 3.6.1, RFC 8301,
// RFC 8463) for signatures of this algorithm. The services it is for were judged
// before.
func keyIn(record, algorithm string) (crypto.PublicKey, error) {
	tags := tagsOf(record)
	der, err := base64.StdEncoding.DecodeString(tags["p"])
	hashes, limited := tags["h"]
	switch version, has := tags["v"]; {
	case tags == nil || has && version != "DKIM1":
		return nil, errors.New("the key record cannot be read")
	case err != nil:
		return nil, errors.New("the key is not base64")
	case len(der) == 0:
		return nil, errors.New("the key was revoked")
	case limited && !slices.Contains(strings.Split(hashes, ":"), "sha256"):
		return nil, errors.New("the key is for another hash")
	}
	kind := tags["k"]
	if kind == "" {
		kind = "rsa"
	}
	switch {
	case kind+"-sha256" != algorithm:
	case kind == "ed25519" && len(der) == ed25519.PublicKeySize:
		return ed25519.PublicKey(der), nil
	case kind == "rsa":
		key, err := x509.ParsePKIXPublicKey(der)
		if err != nil {
			key, err = x509.ParsePKCS1PublicKey(der)
		}
		if key, ok := key.(*rsa.PublicKey); ok && err == nil && key.N.BitLen() >= 1024 && key.N.BitLen() <= 8192 {
			return key, nil
		}
	}
	return nil, fmt.Errorf("the key is none for %s", algorithm)
}

// canonicalField is a header field as it is hashed (RFC 6376 section 3.4.1, 3.4.2).
func canonicalField(f []byte, relaxed bool) []byte {
	if !relaxed {
		return f
	}
	name, value, _ := bytes.Cut(f, []byte(":"))
	out := append(bytes.ToLower(bytes.TrimSpace(name)), ':')
	value = bytes.Trim(squeezed(bytes.ReplaceAll(value, []byte("\r\n"), nil)), " ")
	return append(append(out, value...), "\r\n"...)
}

// canonicalBody is a body as it is hashed (RFC 6376 section 3.4.3, 3.4.4).
func canonicalBody(body []byte, relaxed bool) []byte {
	out := make([]byte, 0, len(body)+2)
	for line := range bytes.Lines(body) {
		line = bytes.TrimSuffix(bytes.TrimSuffix(line, []byte("\n")), []byte("\r"))
		if relaxed {
			line = bytes.TrimRight(squeezed(line), " ")
		}
		out = append(append(out, line...), "\r\n"...)
	}
	for bytes.HasSuffix(out, []byte("\r\n\r\n")) || string(out) == "\r\n" {
		out = out[:len(out)-2]
	}
	if len(out) == 0 && !relaxed {
		return append(out, "\r\n"...)
	}
	return out
}

// squeezed is a line with one space for each run of white space.
func squeezed(line []byte) []byte {
	out := make([]byte, 0, len(line))
	for i, c := range line {
		if c != ' ' && c != '\t' {
			out = append(out, c)
		} else if i == 0 || line[i-1] != ' ' && line[i-1] != '\t' {
			out = append(out, ' ')
		}
	}
	return out
}
