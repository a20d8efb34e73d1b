package certs

import (
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/caddyserver/certmagic"
	"github.com/mholt/acmez/v3"
	"github.com/mholt/acmez/v3/acme"
)

// issuer is one ACME CA, as certmagic orders from it. It keeps no state that another
// issuer of the process could meet.
type issuer struct {
	s       Settings
	key     string
	client  *acme.Client
	answers *answers
	// beside is, in a rehearsal, the storage of the servers that may order for the same
	// hosts meanwhile; else nil.
	beside certmagic.Storage
	*accounts
}

var _ certmagic.Issuer = (*issuer)(nil)

// orderFor is how long one order may take, in real time. Most of it is the CA's, and
// with DNS-01 the wait until every name server has the record.
const orderFor = 6 * time.Minute

func newIssuer(s Settings) *issuer {
	i := &issuer{
		s: s, key: issuerKey(s.CA),
		client:  &acme.Client{Directory: s.CA, HTTPClient: newTransport(s), UserAgent: "belay", PollTimeout: 2 * time.Minute},
		answers: newAnswers(s.Storage, s.Log),
	}
	i.accounts = &accounts{storage: s.Storage, client: i.client, email: s.Email, binding: s.Binding, key: i.key}
	return i
}

// issuerKey names a CA in the storage, by the host and path of its directory.
func issuerKey(ca string) string {
	u, err := url.Parse(ca)
	if err != nil {
		return certmagic.StorageKeys.Safe(ca)
	}
	return strings.Trim(u.Host+"-"+strings.ReplaceAll(strings.Trim(u.Path, "/"), "/", "-"), "-")
}

// IssuerKey implements certmagic.Issuer.
func (i *issuer) IssuerKey() string { return i.key }

// replaces is, in the context of a renewal, the certificate in use: the CA is told,
// and may exempt the order from its limits (RFC 9773 section 5).
type replacesKey struct{}

// Issue implements certmagic.Issuer: it checks CAA, orders, proves the name and
// fetches the chain.
func (i *issuer) Issue(ctx context.Context, csr *x509.CertificateRequest) (*certmagic.IssuedCertificate, error) {
	if len(csr.DNSNames) != 1 {
		return nil, fmt.Errorf("a policy host's certificate has one name, and this request has %d", len(csr.DNSNames))
	}
	done, err := i.alone(ctx, csr.DNSNames[0])
	if err != nil {
		return nil, err
	}
	defer done()
	ctx, cancel := context.WithTimeout(ctx, orderFor)
	defer cancel()
	i.answers.sweep(ctx, csr.DNSNames[0])
	chain, account, err := i.order(ctx, csr.DNSNames[0], csr)
	var problem acme.Problem
	if errors.As(err, &problem) && problem.Type == acme.ProblemTypeAccountDoesNotExist && account != "" {
		// The CA has forgotten the account, as a rehearsal's may: a new one is made.
		i.s.Log.Error("the CA does not know the ACME account any more; a new one is made, and CAA records that name the old one by accounturi must name the new one",
			"account", account, "ca", i.s.CA)
		if err := i.accounts.forget(ctx, account); err != nil {
			return nil, err
		}
		chain, _, err = i.order(ctx, csr.DNSNames[0], csr)
	}
	if err != nil {
		return nil, err
	}
	return &certmagic.IssuedCertificate{Certificate: chain.ChainPEM, Metadata: chain}, nil
}

// order is one order of host, and the account by which it was made; empty where it did
// not come to that.
func (i *issuer) order(ctx context.Context, host string, csr *x509.CertificateRequest) (chain acme.Certificate, by string, err error) {
	solvers, err := i.solvers(ctx, host)
	if err != nil {
		return chain, by, err
	}
	directory, err := i.client.GetDirectory(ctx)
	if err != nil {
		return chain, by, fmt.Errorf("ask the CA for its directory: %w", err)
	}
	meta := acme.DirectoryMeta{}
	if directory.Meta != nil {
		meta = *directory.Meta
	}
	if err := i.accounts.bindable(meta); err != nil {
		return chain, by, err
	}
	account, err := i.accounts.open(ctx)
	if err != nil {
		return chain, by, err
	}
	by = account.Location
	if err := i.checkCAA(ctx, host, meta.CAAIdentities, account.Location, solvers); err != nil {
		return chain, by, err
	}
	params, err := acmez.OrderParametersFromCSR(account, csr)
	if err != nil {
		return chain, by, fmt.Errorf("order a certificate for %s: %w", host, err)
	}
	params.Replaces, _ = ctx.Value(replacesKey{}).(*x509.Certificate)
	order := acmez.Client{Client: i.client, ChallengeSolvers: solvers}
	chains, err := order.ObtainCertificate(ctx, params)
	if err != nil {
		return chain, by, err
	}
	if len(chains) == 0 {
		return chain, by, errors.New("the CA gave no certificate chain")
	}
	return chains[0], by, nil
}

// solvers are the ways in which host can be proved, by the CA's names for them.
func (i *issuer) solvers(ctx context.Context, host string) (map[string]acmez.Solver, error) {
	if i.s.ByDNS != nil {
		left := leftFor(ctx, i.answers.storage, host)
		records, err := i.s.ByDNS(ctx, host, left)
		if err != nil {
			return nil, err
		}
		if records != nil {
			return map[string]acmez.Solver{acme.ChallengeTypeDNS01: proofByDNS{records, i.answers.storage, i.s.Log, left}}, nil
		}
	}
	ways := map[string]acmez.Solver{}
	if slices.Contains(i.s.Ways, TLSALPN) {
		ways[acme.ChallengeTypeTLSALPN01] = i.answers
	}
	if slices.Contains(i.s.Ways, HTTP) {
		ways[acme.ChallengeTypeHTTP01] = i.answers
	}
	if len(ways) == 0 {
		return nil, fmt.Errorf("%s can be proved by no challenge: dns alone is allowed, and there is no DNS account for it", host)
	}
	return ways, nil
}

// checkCAA asks, before the CA does, whether it may issue.
func (i *issuer) checkCAA(ctx context.Context, host string, identities []string, account string, solvers map[string]acmez.Solver) error {
	if i.s.CAA == nil {
		return nil
	}
	found, err := i.s.CAA(ctx, host)
	if err != nil {
		// The CA asks for itself; a resolver here that fails is no reason not to try.
		i.s.Log.Warn("CAA could not be checked", "host", host, "error", err.Error())
		return nil
	}
	methods := make([]string, 0, len(solvers))
	for way := range solvers {
		methods = append(methods, way)
	}
	slices.Sort(methods)
	allowed, refusal := found.Allows(host, identities, account, methods)
	if refusal != nil {
		return refusal
	}
	for way := range solvers {
		if !slices.Contains(allowed, way) {
			delete(solvers, way)
		}
	}
	return nil
}

// renewalInfo asks the CA when it wants a certificate renewed (RFC 9773).
func (i *issuer) renewalInfo(ctx context.Context, leaf *x509.Certificate) (acme.RenewalInfo, error) {
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	return i.client.GetRenewalInfo(ctx, leaf)
}
