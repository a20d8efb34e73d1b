package main

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"testing"
	"time"
)

// benchCA issues what both servers show: leaves below an intermediate.
type benchCA struct {
	intermediate *x509.Certificate
	key          *ecdsa.PrivateKey
	serial       int64
}

func newBenchCA(b *testing.B, roots *x509.CertPool) *benchCA {
	b.Helper()
	var parent *x509.Certificate
	var signer *ecdsa.PrivateKey
	for i, name := range []string{"bench root", "bench intermediate"} {
		key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
		if err != nil {
			b.Fatal(err)
		}
		template := &x509.Certificate{
			SerialNumber: big.NewInt(int64(i + 1)), Subject: pkix.Name{CommonName: name}, NotBefore: time.Now().Add(-24 * time.Hour), NotAfter: time.Now().Add(365 * 24 * time.Hour),
			IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign,
		}
		if parent == nil {
			parent, signer = template, key
		}
		der, err := x509.CreateCertificate(rand.Reader, template, parent, &key.PublicKey, signer)
		if err != nil {
			b.Fatal(err)
		}
		if parent, err = x509.ParseCertificate(der); err != nil {
			b.Fatal(err)
		}
		if i == 0 {
			roots.AddCert(parent)
		}
		signer = key
	}
	return &benchCA{intermediate: parent, key: signer, serial: 2}
}

func (ca *benchCA) issue(b *testing.B, host string) (chain, key []byte, leaf *x509.Certificate) {
	b.Helper()
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		b.Fatal(err)
	}
	ca.serial++
	der, err := x509.CreateCertificate(rand.Reader, &x509.Certificate{
		SerialNumber: big.NewInt(ca.serial), Subject: pkix.Name{CommonName: host}, DNSNames: []string{host},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(90 * 24 * time.Hour),
		KeyUsage: x509.KeyUsageDigitalSignature, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
		OCSPServer: []string{"http://e5.o.bench.test"}, IssuingCertificateURL: []string{"http://e5.i.bench.test/"}, // as long as those of public CAs
	}, ca.intermediate, &private.PublicKey, ca.key)
	if err != nil {
		b.Fatal(err)
	}
	if leaf, err = x509.ParseCertificate(der); err != nil {
		b.Fatal(err)
	}
	for _, c := range [][]byte{der, ca.intermediate.Raw} {
		chain = append(chain, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: c})...)
	}
	ec, err := x509.MarshalECPrivateKey(private)
	if err != nil {
		b.Fatal(err)
	}
	return chain, pem.EncodeToMemory(&pem.Block{Type: "EC PRIVATE KEY", Bytes: ec}), leaf
}
