package client

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/des"
	"crypto/hmac"
	"crypto/pbkdf2"
	"crypto/sha1"
	"crypto/sha256"
	"crypto/sha512"
	"crypto/x509/pkix"
	"encoding/asn1"
	"errors"
	"hash"
	"math/big"
)

// pfxPassword is a password in the two spellings that a PFX uses: the old schemes' UTF-16 with a terminator
// (RFC 7292 appendix B.1), PBES2's UTF-8 (RFC 8018 section 3).
type pfxPassword struct{ bmp, utf8 []byte }

// spellings of a password. Of the empty one there are two: a lone terminator, and no bytes at all.
func spellings(password string) []pfxPassword {
	usual := pfxPassword{append(bmpString(password), 0, 0), []byte(password)}
	if password == "" {
		return []pfxPassword{usual, {}}
	}
	return []pfxPassword{usual}
}

var (
	errPadding    = errors.New("the padding is wrong, and so most likely the password")
	errEncryption = errors.New("an encryption that is not supported")
)

// pbeSchemes are the schemes of RFC 7292 appendix C that are met: with SHA-1 and three-key triple DES, and
// with RC2 of 128 and of 40 bits.
var pbeSchemes = map[string]struct {
	keyLength int
	cipher    func(key []byte) (cipher.Block, error)
}{
	"1.2.840.113549.1.12.1.3": {24, des.NewTripleDESCipher},
	"1.2.840.113549.1.12.1.5": {16, func(key []byte) (cipher.Block, error) { return newRC2(key), nil }},
	"1.2.840.113549.1.12.1.6": {5, func(key []byte) (cipher.Block, error) { return newRC2(key), nil }},
}

// pbes2Ciphers are those of RFC 8018 appendix B.2 and RFC 3565, all with CBC.
var pbes2Ciphers = map[string]struct {
	keyLength int
	cipher    func(key []byte) (cipher.Block, error)
}{
	"1.2.840.113549.3.7":      {24, des.NewTripleDESCipher},
	"2.16.840.1.101.3.4.1.2":  {16, aes.NewCipher},
	"2.16.840.1.101.3.4.1.22": {24, aes.NewCipher},
	"2.16.840.1.101.3.4.1.42": {32, aes.NewCipher},
}

// pbkdf2Hashes are the pseudo-random functions of RFC 8018 appendix B.1.2, and the MACs of PBMAC1.
var pbkdf2Hashes = map[string]func() hash.Hash{
	"":                    sha1.New, // the default
	"1.2.840.113549.2.7":  sha1.New,
	"1.2.840.113549.2.8":  sha256.New224,
	"1.2.840.113549.2.9":  sha256.New,
	"1.2.840.113549.2.10": sha512.New384,
	"1.2.840.113549.2.11": sha512.New,
}

// decryptPBE decrypts what a password protects. Its cost has to have been spent.
func decryptPBE(a pkix.AlgorithmIdentifier, data []byte, password pfxPassword) ([]byte, error) {
	block, iv, err := pbeCipher(a, password)
	if err != nil {
		return nil, err
	}
	size := block.BlockSize()
	if len(iv) != size || len(data) == 0 || len(data)%size != 0 {
		return nil, errEncryption
	}
	plain := make([]byte, len(data))
	cipher.NewCBCDecrypter(block, iv).CryptBlocks(plain, data)
	pad := int(plain[len(plain)-1])
	if pad == 0 || pad > size {
		return nil, errPadding
	}
	for _, b := range plain[len(plain)-pad:] {
		if int(b) != pad {
			return nil, errPadding
		}
	}
	return plain[:len(plain)-pad], nil
}

func pbeCipher(a pkix.AlgorithmIdentifier, password pfxPassword) (cipher.Block, []byte, error) {
	if a.Algorithm.Equal(oidPBES2) {
		return pbes2Cipher(a, password.utf8)
	}
	scheme, ok := pbeSchemes[a.Algorithm.String()]
	var params struct {
		Salt       []byte
		Iterations *big.Int
	}
	if !ok || unmarshalWhole(a.Parameters.FullBytes, &params) != nil {
		return nil, nil, errEncryption
	}
	count := int(params.Iterations.Int64()) // spent, so it fits
	key := pkcs12KDF(sha1.New, purposeKey, password.bmp, params.Salt, count, scheme.keyLength)
	block, err := scheme.cipher(key)
	return block, pkcs12KDF(sha1.New, purposeIV, password.bmp, params.Salt, count, des.BlockSize), err
}

func pbes2Cipher(a pkix.AlgorithmIdentifier, password []byte) (cipher.Block, []byte, error) {
	var params pbes2
	var iv []byte
	if unmarshalWhole(a.Parameters.FullBytes, &params) != nil || unmarshalWhole(params.Scheme.Parameters.FullBytes, &iv) != nil {
		return nil, nil, errEncryption
	}
	scheme, ok := pbes2Ciphers[params.Scheme.Algorithm.String()]
	if !ok {
		return nil, nil, errEncryption
	}
	key, err := derivePBKDF2(params.KDF, password, scheme.keyLength, scheme.keyLength)
	if err != nil {
		return nil, nil, err
	}
	block, err := scheme.cipher(key)
	return block, iv, err
}

// derivePBKDF2 derives a key whose length lies in the given bounds; the least is taken where the file names none.
func derivePBKDF2(a pkix.AlgorithmIdentifier, password []byte, least, most int) ([]byte, error) {
	var params pbkdf2Params
	if !a.Algorithm.Equal(oidPBKDF2) || unmarshalWhole(a.Parameters.FullBytes, &params) != nil ||
		params.Salt.Class != asn1.ClassUniversal || params.Salt.Tag != asn1.TagOctetString {
		return nil, errEncryption
	}
	salt, err := octets(params.Salt)
	prf := pbkdf2Hashes[params.PRF.Algorithm.String()]
	length := params.KeyLength
	if length == 0 {
		length = least
	}
	if err != nil || prf == nil || length < least || length > most {
		return nil, errEncryption
	}
	return pbkdf2.Key(prf, string(password), salt, int(params.Iterations.Int64()), length)
}

// verifyMAC tells whether the file's MAC was made with this password.
func (f *pfxFile) verifyMAC(password pfxPassword) (bool, error) {
	algorithm := f.mac.Digest.Algorithm
	var newHash func() hash.Hash
	var key []byte
	if algorithm.Algorithm.Equal(oidPBMAC1) { // RFC 9579
		var params pbes2
		if unmarshalWhole(algorithm.Parameters.FullBytes, &params) != nil {
			return false, errEncryption
		}
		var err error
		// A shorter key would be forged too easily, and no MAC makes use of a longer one.
		if key, err = derivePBKDF2(params.KDF, password.utf8, 20, 64); err != nil {
			return false, err
		}
		if newHash = pbkdf2Hashes[params.Scheme.Algorithm.String()]; newHash == nil || len(params.Scheme.Algorithm) == 0 {
			return false, errEncryption
		}
	} else {
		if newHash = macHashes[algorithm.Algorithm.String()]; newHash == nil {
			return false, errMAC
		}
		count := 1 // RFC 7292: the default
		if f.mac.Iterations != nil {
			count = int(f.mac.Iterations.Int64())
		}
		key = pkcs12KDF(newHash, purposeMAC, password.bmp, f.mac.Salt, count, newHash().Size())
	}
	sum := hmac.New(newHash, key)
	sum.Write(f.content)
	return hmac.Equal(sum.Sum(nil), f.mac.Digest.Value), nil
}

var macHashes = map[string]func() hash.Hash{
	oidSHA1.String():   sha1.New,
	oidSHA256.String(): sha256.New,
	oidSHA512.String(): sha512.New,
}
