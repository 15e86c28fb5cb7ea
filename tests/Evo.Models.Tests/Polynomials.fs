/// Sizes as polynomials: what is read is what is computed.
module Evo.Models.Tests.Polynomials

open Evo.Models
open Xunit

let private number (n: int64) = Polynomial.op_Implicit n

let private b, s, t, w =
    Polynomial.Batch, Polynomial.Length, Polynomial.Tensor, Polynomial.Weight

let private samples =
    [
        number 0L
        number 7L
        b * s
        b * s * number 64L / t
        number 3L * b * s + number 5L * s * s / t / w
        Polynomial.Share 2L * b * s
        Polynomial.Spread 2L * b * s / t
        Polynomial.Gathered 37L * number 8L
        Polynomial.Block 37L
    ]

let private points =
    [
        for t in [ 1L; 2L; 4L; 8L ] do
            for w in [ 1L; 2L; 4L ] -> SizePoint(3L, 10L, t, w)
    ]

[<Fact>]
let ``sums, products and quotients are those of the numbers`` () =
    for a in samples do
        for c in samples do
            for point in points do
                Assert.Equal(a.At point + c.At point, (a + c).At point, 6)
                Assert.Equal(a.At point * c.At point, (a * c).At point, 6)
                Assert.Equal(a.At point / float point.Tensor, (a / t).At point, 6)

[<Fact>]
let ``terms that are alike are one, and those that cancel are none`` () =
    Assert.Equal(number 2L * b * s, b * s + s * b)
    Assert.Equal(b, b * t / t)
    Assert.True((b * s + number -1L * s * b).IsZero)
    Assert.NotEqual(b, s)

[<Theory>]
[<InlineData(1L, 1L, 2.0, 2.0, 0.0, 37.0)>]
[<InlineData(8L, 4L, 1.0, 8.0, 40.0, 5.0)>]
let ``heads, blocks and gathered rows are whole ones``
    (tensor: int64)
    (weight: int64)
    (share: float)
    (spread: float)
    (gathered: float)
    (block: float)
    =
    let at (p: Polynomial) = p.At(SizePoint(1L, 1L, tensor, weight))

    Assert.Equal(share, at (Polynomial.Share 2L))
    Assert.Equal(spread, at (Polynomial.Spread 2L))
    Assert.Equal(gathered, at (Polynomial.Gathered 37L))
    Assert.Equal(block, at (Polynomial.Block 37L))

[<Fact>]
let ``a size reads as people write it`` () =
    Assert.Equal("4,096·b·s/t + 12", string (number 12L + b * s * number 4096L / t))
    Assert.Equal("b·s^2·max(1, 2/t)", string (b * s * s * Polynomial.Share 2L))
    Assert.Equal("0", string (number 0L))
