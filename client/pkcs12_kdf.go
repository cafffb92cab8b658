package client

import (
	"hash"
	"math/big"
	"slices"
)

// What a key is derived for, the "ID" of RFC 7292 appendix B.3.
const (
	purposeKey = 1
	purposeIV  = 2
	purposeMAC = 3
)

// pkcs12KDF derives a key from a password in UTF-16 with its terminator (RFC 7292 appendix B.2).
func pkcs12KDF(newHash func() hash.Hash, purpose byte, password, salt []byte, iterations, length int) []byte {
	h := newHash()
	block := h.BlockSize()
	diversifier := slices.Repeat([]byte{purpose}, block)
	input := append(fillBlocks(salt, block), fillBlocks(password, block)...)
	var key []byte
	for {
		h.Reset()
		h.Write(diversifier)
		h.Write(input)
		a := h.Sum(nil)
		for range iterations - 1 {
			h.Reset()
			h.Write(a)
			a = h.Sum(a[:0])
		}
		if key = append(key, a...); len(key) >= length {
			return key[:length]
		}
		addOne(input, fillBlocks(a, block)[:block])
	}
}

// fillBlocks repeats bytes until they fill blocks; none stay none.
func fillBlocks(b []byte, block int) []byte {
	if len(b) == 0 {
		return nil
	}
	length := (len(b) + block - 1) / block * block
	return slices.Repeat(b, length/len(b)+1)[:length]
}

// addOne adds b+1 to each block of the input, as numbers without their overflow.
func addOne(input, b []byte) {
	add := new(big.Int).SetBytes(b)
	add.Add(add, big.NewInt(1))
	modulus := new(big.Int).Lsh(big.NewInt(1), uint(8*len(b)))
	for ; len(input) > 0; input = input[len(b):] {
		sum := new(big.Int).SetBytes(input[:len(b)])
		sum.Add(sum, add).Mod(sum, modulus).FillBytes(input[:len(b)])
	}
}
