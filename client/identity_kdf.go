package client

import (
	"crypto/x509/pkix"
	"encoding/asn1"
	"errors"
	"math/big"
)

// maxKDFWork bounds the hash iterations that one file may ask for, all its parts together. The
// file chooses the number: without a bound one write could keep a CPU busy for hours. OpenSSL
// writes 2,048 for each part, Java 10,000, NSS and Firefox 600,000 for each of three.
const maxKDFWork = 10_000_000

// kdfSeconds says what that many take, from the fastest hash on a CPU that computes it in hardware to the slowest, with
// a password that is wrong: that is looked for in three spellings.
const kdfSeconds = "3 to 30 seconds of one CPU"

// scryptUnit is what one unit of scrypt's N·r·p counts for. Forty makes the bound above also
// bound scrypt's memory, 128·N·r bytes, to 32 MB; OpenSSL's default needs 16.
const scryptUnit = 40

const kdfBound = " asks for more than 10,000,000 key derivation iterations in total, which are " + kdfSeconds + ": "

var (
	errKDFWork = FieldError{Text: "{pfx}" + kdfBound + exportAgain}
	errKeyWork = FieldError{Text: "{client_private_key}" + kdfBound + "encrypt it again with fewer, with " + encryptAgain}
)

var errKDF = FieldError{Text: "{pfx} is encrypted with parameters that are damaged or not supported: " + exportAgain}

var (
	oidPBES2  = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 5, 13}
	oidPBKDF2 = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 5, 12}
	oidPBMAC1 = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 5, 14}
	oidScrypt = asn1.ObjectIdentifier{1, 3, 6, 1, 4, 1, 11591, 4, 11}
	// The arcs of the RFC 7292 appendix C and RFC 8018 appendix A.3 schemes, all with a salt and a count.
	oidPKCS12PBE = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 12, 1}
	oidPKCS5     = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 5}
)

// kdfBudget adds up iterations while a file is looked through, before anything is derived.
type kdfBudget struct{ spent int64 }

func (b *kdfBudget) spend(count *big.Int) error {
	if count == nil || count.Sign() < 1 {
		return errKDF
	}
	if !count.IsInt64() || count.Int64() > maxKDFWork-b.spent {
		return errKDFWork
	}
	b.spent += count.Int64()
	return nil
}

// algorithm spends what a password-based algorithm asks for. PBES2 (RFC 8018) and PBMAC1
// (RFC 9579) name a second algorithm that derives the key; nothing nests deeper.
func (b *kdfBudget) algorithm(a pkix.AlgorithmIdentifier) error {
	if !a.Algorithm.Equal(oidPBES2) && !a.Algorithm.Equal(oidPBMAC1) {
		return b.derivation(a)
	}
	var p pbes2
	if err := unmarshalWhole(a.Parameters.FullBytes, &p); err != nil {
		return errKDF
	}
	return b.derivation(p.KDF)
}

func (b *kdfBudget) derivation(a pkix.AlgorithmIdentifier) error {
	switch {
	case a.Algorithm.Equal(oidScrypt): // RFC 7914 section 7
		var p struct {
			Salt    []byte
			N, R, P *big.Int
			KeyLen  int `asn1:"optional"`
		}
		if err := unmarshalWhole(a.Parameters.FullBytes, &p); err != nil {
			return errKDF
		}
		return b.scrypt(p.N, p.R, p.P)
	case a.Algorithm.Equal(oidPBKDF2):
		var p pbkdf2Params
		if err := unmarshalWhole(a.Parameters.FullBytes, &p); err != nil {
			return errKDF
		}
		return b.spend(p.Iterations)
	case under(a.Algorithm, oidPKCS12PBE), under(a.Algorithm, oidPKCS5):
		var p struct {
			Salt       []byte
			Iterations *big.Int
		}
		if err := unmarshalWhole(a.Parameters.FullBytes, &p); err != nil {
			return errKDF
		}
		return b.spend(p.Iterations)
	}
	return errKDF
}

// scrypt checks each factor before multiplying, so that two negative ones can't look small.
func (b *kdfBudget) scrypt(factors ...*big.Int) error {
	work := big.NewInt(scryptUnit)
	for _, f := range factors {
		if f.Sign() < 1 {
			return errKDF
		}
		work.Mul(work, f)
	}
	return b.spend(work)
}

// pbes2 is RFC 8018 appendix A.4, and also A.5 with a MAC for the cipher.
type pbes2 struct{ KDF, Scheme pkix.AlgorithmIdentifier }

// pbkdf2Params is RFC 8018 appendix A.2. The salt is a choice; counting does not need it.
type pbkdf2Params struct {
	Salt       asn1.RawValue
	Iterations *big.Int
	KeyLength  int                      `asn1:"optional"`
	PRF        pkix.AlgorithmIdentifier `asn1:"optional"`
}

func under(oid, arc asn1.ObjectIdentifier) bool {
	return len(oid) == len(arc)+1 && oid[:len(arc)].Equal(arc)
}

// unmarshalExactly is asn1.Unmarshal that tolerates nothing after the value.
func unmarshalExactly(der []byte, into any) error {
	rest, err := asn1.Unmarshal(der, into)
	if err == nil && len(rest) != 0 {
		return errors.New("trailing data")
	}
	return err
}
