package lab

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"math/big"
	"sync/atomic"
	"time"
)

// An authority is the lab's certificate authority: a root that clients trust and
// an intermediate that signs. Nobody outside the lab trusts it.
type authority struct {
	root         *x509.Certificate
	intermediate *x509.Certificate
	key          *ecdsa.PrivateKey // the intermediate's
	serial       atomic.Int64
}

const year = 365 * 24 * time.Hour

// newAuthority makes an authority whose certificates are called after name.
func newAuthority(name string, now time.Time) (*authority, error) {
	a := &authority{}
	rootKey, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, fmt.Errorf("make the lab CA's root key: %w", err)
	}
	if a.key, err = ecdsa.GenerateKey(elliptic.P256(), rand.Reader); err != nil {
		return nil, fmt.Errorf("make the lab CA's intermediate key: %w", err)
	}
	root := a.caTemplate(name+" Root CA", now)
	if a.root, err = sign(root, root, &rootKey.PublicKey, rootKey); err != nil {
		return nil, fmt.Errorf("make the lab CA's root: %w", err)
	}
	if a.intermediate, err = sign(a.caTemplate(name+" Intermediate CA", now), a.root, &a.key.PublicKey, rootKey); err != nil {
		return nil, fmt.Errorf("make the lab CA's intermediate: %w", err)
	}
	return a, nil
}

func (a *authority) caTemplate(name string, now time.Time) *x509.Certificate {
	return &x509.Certificate{
		SerialNumber:          big.NewInt(a.serial.Add(1)),
		Subject:               pkix.Name{CommonName: name, Organization: []string{"belay lab"}},
		NotBefore:             now.Add(-year),
		NotAfter:              now.Add(30 * year),
		IsCA:                  true,
		BasicConstraintsValid: true,
		KeyUsage:              x509.KeyUsageCertSign | x509.KeyUsageCRLSign,
	}
}

// issue makes a server certificate for names with its chain.
func (a *authority) issue(names []string, from, to time.Time) (*tls.Certificate, error) {
	key, leaf, err := a.leaf(names, from, to, a.intermediate, a.key)
	if err != nil {
		return nil, err
	}
	return &tls.Certificate{Certificate: [][]byte{leaf.Raw, a.intermediate.Raw}, PrivateKey: key, Leaf: leaf}, nil
}

// selfSigned makes a server certificate that no authority vouches for.
func (a *authority) selfSigned(names []string, from, to time.Time) (*tls.Certificate, error) {
	key, leaf, err := a.leaf(names, from, to, nil, nil)
	if err != nil {
		return nil, err
	}
	return &tls.Certificate{Certificate: [][]byte{leaf.Raw}, PrivateKey: key, Leaf: leaf}, nil
}

// leaf makes a key and a certificate for it, signed by the parent or, without
// one, by itself.
func (a *authority) leaf(names []string, from, to time.Time, parent *x509.Certificate, signer *ecdsa.PrivateKey) (*ecdsa.PrivateKey, *x509.Certificate, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, nil, fmt.Errorf("make a key for %s: %w", names[0], err)
	}
	template := a.leafTemplate(names, from, to)
	if parent == nil {
		parent, signer = template, key
	}
	cert, err := sign(template, parent, &key.PublicKey, signer)
	if err != nil {
		return nil, nil, fmt.Errorf("issue a certificate for %s: %w", names[0], err)
	}
	return key, cert, nil
}

func (a *authority) leafTemplate(names []string, from, to time.Time) *x509.Certificate {
	return &x509.Certificate{
		SerialNumber: big.NewInt(a.serial.Add(1)),
		Subject:      pkix.Name{CommonName: names[0]},
		DNSNames:     names,
		NotBefore:    from,
		NotAfter:     to,
		KeyUsage:     x509.KeyUsageDigitalSignature,
		ExtKeyUsage:  []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
	}
}

// vouch signs a certificate for key with the intermediate and gives it its chain.
func (a *authority) vouch(template *x509.Certificate, key crypto.Signer) (*tls.Certificate, error) {
	leaf, err := sign(template, a.intermediate, key.Public(), a.key)
	if err != nil {
		return nil, fmt.Errorf("issue a certificate for %s: %w", template.Subject.CommonName, err)
	}
	return &tls.Certificate{Certificate: [][]byte{leaf.Raw, a.intermediate.Raw}, PrivateKey: key, Leaf: leaf}, nil
}

func sign(template, parent *x509.Certificate, key crypto.PublicKey, signer *ecdsa.PrivateKey) (*x509.Certificate, error) {
	der, err := x509.CreateCertificate(rand.Reader, template, parent, key, signer)
	if err != nil {
		return nil, err
	}
	return x509.ParseCertificate(der)
}

// pool holds the lab's root.
func (a *authority) pool() *x509.CertPool {
	pool := x509.NewCertPool()
	pool.AddCert(a.root)
	return pool
}

// pem is the lab's root as a PEM file has it.
func (a *authority) pem() []byte {
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: a.root.Raw})
}
