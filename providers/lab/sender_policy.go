package lab

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"mime"
	"net"
	"net/http"
	"net/netip"
	"slices"
	"strings"
	"time"

	"belay/rollout/finding"
	"belay/rollout/mtasts"
	"belay/rollout/tlsrpt"
)

// Bounds of a policy fetch.
const (
	fetchFor   = 2 * time.Second // in real time; RFC 8461 section 3.3 suggests a minute
	refetchGap = 5 * time.Minute // by the lab's clock, after a fetch that failed
)

// policyFor is the policy under which the sender delivers to domain now (RFC 8461
// section 5.1): the one it holds, or a new one where DNS announces another id.
// trouble is what went wrong with a fetch, nil for nothing; then the policy held
// stays, if there is one.
func (s *sender) policyFor(ctx context.Context, domain string) (policy *held, trouble *tlsrpt.Failure) {
	now := s.lab.clock.Now()
	h := s.held[domain]
	if h == nil {
		h = &held{}
		s.held[domain] = h
	}
	if !now.Before(h.until) {
		h.id, h.lines = "", nil
	}
	records, err := s.lab.lookupTXT(ctx, "_mta-sts."+domain)
	record, _, findings := mtasts.ParseRRset(records)
	if err != nil || record.ID == "" || !mtasts.Usable(findings) || record.ID == h.id {
		return h, nil
	}
	if record.ID == h.failedID && now.Before(h.retryAfter) {
		failure := h.failure
		return h, &failure
	}
	body, failure := s.fetch(ctx, domain)
	if failure == nil {
		parsed, findings := mtasts.ParsePolicy(body)
		if mtasts.Usable(findings) {
			*h = held{id: record.ID, policy: parsed, lines: linesOf(body), until: now.Add(time.Duration(parsed.MaxAge) * time.Second)}
			return h, nil
		}
		worst := slices.IndexFunc(findings, func(f finding.Finding) bool { return f.Severity == finding.Fail })
		failure = &tlsrpt.Failure{Type: tlsrpt.STSPolicyInvalid, ReasonCode: findings[worst].Detail}
	}
	h.failedID, h.failure, h.retryAfter = record.ID, *failure, now.Add(refetchGap)
	return h, failure
}

// linesOf is a body as a report's policy-string holds it.
func linesOf(body []byte) []string {
	return strings.FieldsFunc(string(body), func(r rune) bool { return r == '\r' || r == '\n' })
}

// fetch gets the policy body of domain as RFC 8461 section 3.3 asks: a certificate
// for the policy host, no redirect, 200, text/plain, within a size and a time.
func (s *sender) fetch(ctx context.Context, domain string) ([]byte, *tlsrpt.Failure) {
	ctx, cancel := context.WithTimeout(ctx, fetchFor)
	defer cancel()
	host := "mta-sts." + domain
	failed := func(typ tlsrpt.ResultType, why string) ([]byte, *tlsrpt.Failure) {
		return nil, &tlsrpt.Failure{Type: typ, ReasonCode: why}
	}
	transport := &http.Transport{
		DisableKeepAlives: true,
		TLSClientConfig:   &tls.Config{RootCAs: s.lab.ca.pool(), Time: s.lab.clock.Now},
		DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			return s.lab.dialName(ctx, host, 443)
		},
	}
	defer transport.CloseIdleConnections()
	client := http.Client{
		Transport:     transport,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, "https://"+host+"/.well-known/mta-sts.txt", nil)
	if err != nil {
		return failed(tlsrpt.STSPolicyFetchError, err.Error())
	}
	response, err := client.Do(request)
	if err != nil {
		if errors.As(err, new(*tls.CertificateVerificationError)) || errors.As(err, new(x509.HostnameError)) {
			return failed(tlsrpt.STSWebPKIInvalid, err.Error())
		}
		return failed(tlsrpt.STSPolicyFetchError, err.Error())
	}
	defer response.Body.Close()
	kind, _, _ := mime.ParseMediaType(response.Header.Get("Content-Type"))
	body, err := io.ReadAll(io.LimitReader(response.Body, mtasts.MaxBody+1))
	switch {
	case err != nil:
		return failed(tlsrpt.STSPolicyFetchError, err.Error())
	case response.StatusCode != http.StatusOK:
		return failed(tlsrpt.STSPolicyFetchError, fmt.Sprintf("HTTP status %d", response.StatusCode))
	case kind != "text/plain":
		return failed(tlsrpt.STSPolicyFetchError, "media type "+kind)
	case len(body) > mtasts.MaxBody:
		return failed(tlsrpt.STSPolicyFetchError, "body is too large")
	}
	return body, nil
}

// dialName connects to the first address of a host that takes the connection.
func (l *Lab) dialName(ctx context.Context, host string, port uint16) (net.Conn, error) {
	addresses, err := l.lookupHost(ctx, host)
	if err != nil {
		return nil, err
	}
	err = fmt.Errorf("%s has no address", host)
	for _, ip := range addresses {
		var conn net.Conn
		if conn, err = l.dialDirect(ctx, "tcp", netip.AddrPortFrom(ip, port)); err == nil {
			return conn, nil
		}
	}
	return nil, err
}
