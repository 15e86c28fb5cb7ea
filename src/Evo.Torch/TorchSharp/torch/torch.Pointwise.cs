// torch.*: the functions of Tensor.Pointwise.cs with the tensor as first argument.

using Evo.Torch.Native;

namespace TorchSharp;

public static partial class torch
{
    /// <summary>Absolute value of each element.</summary>
    public static Tensor abs(Tensor input) => input.abs();
    /// <summary>In place: absolute value of each element.</summary>
    public static Tensor abs_(Tensor input) => input.abs_();

    /// <summary>The same as abs.</summary>
    public static Tensor absolute(Tensor input) => input.absolute();
    /// <summary>The same as abs_.</summary>
    public static Tensor absolute_(Tensor input) => input.absolute_();

    /// <summary>Angle of each complex number, in radians.</summary>
    public static Tensor angle(Tensor input) => input.angle();

    /// <summary>Each element rounded up.</summary>
    public static Tensor ceil(Tensor input) => input.ceil();
    /// <summary>In place: each element rounded up.</summary>
    public static Tensor ceil_(Tensor input) => input.ceil_();

    /// <summary>Each element limited to [min, max]; null means no limit.</summary>
    public static Tensor clamp(Tensor input, Scalar? min = null, Scalar? max = null) => input.clamp(min, max);
    /// <summary>Each element limited to [min, max]; null means no limit.</summary>
    public static Tensor clamp(Tensor input, Tensor? min = null, Tensor? max = null) => input.clamp(min, max);
    /// <summary>In place: each element limited to [min, max]; null means no limit.</summary>
    public static Tensor clamp_(Tensor input, Scalar? min = null, Scalar? max = null) => input.clamp_(min, max);
    /// <summary>In place: each element limited to [min, max]; null means no limit.</summary>
    public static Tensor clamp_(Tensor input, Tensor? min = null, Tensor? max = null) => input.clamp_(min, max);

    /// <summary>Each element limited from above.</summary>
    public static Tensor clamp_max(Tensor input, Scalar max) => input.clamp_max(max);
    /// <summary>In place: each element limited from above.</summary>
    public static Tensor clamp_max_(Tensor input, Scalar max) => input.clamp_max_(max);

    /// <summary>Each element limited from below.</summary>
    public static Tensor clamp_min(Tensor input, Scalar min) => input.clamp_min(min);
    /// <summary>In place: each element limited from below.</summary>
    public static Tensor clamp_min_(Tensor input, Scalar min) => input.clamp_min_(min);

    /// <summary>The same as clamp.</summary>
    public static Tensor clip(Tensor input, Scalar? min = null, Scalar? max = null) => input.clip(min, max);

    /// <summary>Complex numbers from real and imaginary part.</summary>
    public static Tensor complex(Tensor real, Tensor imag) => Aten.complex(real, imag);

    /// <summary>Complex conjugate, as a view.</summary>
    public static Tensor conj(Tensor input) => input.conj();

    /// <summary>Complex conjugate, computed.</summary>
    public static Tensor conj_physical(Tensor input) => input.conj_physical();
    /// <summary>In place: complex conjugate, computed.</summary>
    public static Tensor conj_physical_(Tensor input) => input.conj_physical_();

    /// <summary>Degrees to radians.</summary>
    public static Tensor deg2rad(Tensor input) => input.deg2rad();
    /// <summary>In place: degrees to radians.</summary>
    public static Tensor deg2rad_(Tensor input) => input.deg2rad_();

    /// <summary>Derivative of lgamma.</summary>
    public static Tensor digamma(Tensor input) => input.digamma();
    /// <summary>In place: derivative of lgamma.</summary>
    public static Tensor digamma_(Tensor input) => input.digamma_();

    /// <summary>Error function.</summary>
    public static Tensor erf(Tensor input) => input.erf();
    /// <summary>In place: error function.</summary>
    public static Tensor erf_(Tensor input) => input.erf_();

    /// <summary>Complement of the error function.</summary>
    public static Tensor erfc(Tensor input) => input.erfc();
    /// <summary>In place: complement of the error function.</summary>
    public static Tensor erfc_(Tensor input) => input.erfc_();

    /// <summary>Inverse of the error function.</summary>
    public static Tensor erfinv(Tensor input) => input.erfinv();
    /// <summary>In place: inverse of the error function.</summary>
    public static Tensor erfinv_(Tensor input) => input.erfinv_();

    /// <summary>e to the power of each element.</summary>
    public static Tensor exp(Tensor input) => input.exp();

    /// <summary>2 to the power of each element.</summary>
    public static Tensor exp2(Tensor input) => input.exp2();
    /// <summary>In place: 2 to the power of each element.</summary>
    public static Tensor exp2_(Tensor input) => input.exp2_();

    /// <summary>In place: e to the power of each element.</summary>
    public static Tensor exp_(Tensor input) => input.exp_();

    /// <summary>exp(x) - 1 without loss near zero.</summary>
    public static Tensor expm1(Tensor input) => input.expm1();
    /// <summary>In place: exp(x) - 1 without loss near zero.</summary>
    public static Tensor expm1_(Tensor input) => input.expm1_();

    /// <summary>The same as trunc.</summary>
    public static Tensor fix(Tensor input) => input.fix();
    /// <summary>The same as trunc_.</summary>
    public static Tensor fix_(Tensor input) => input.fix_();

    /// <summary>Each element rounded down.</summary>
    public static Tensor floor(Tensor input) => input.floor();
    /// <summary>In place: each element rounded down.</summary>
    public static Tensor floor_(Tensor input) => input.floor_();

    /// <summary>The fraction of each element.</summary>
    public static Tensor frac(Tensor input) => input.frac();
    /// <summary>In place: the fraction of each element.</summary>
    public static Tensor frac_(Tensor input) => input.frac_();

    /// <summary>Mantissa and exponent of each element.</summary>
    public static (Tensor Mantissa, Tensor Exponent) frexp(Tensor input) => input.frexp();

    /// <summary>Modified Bessel function of the first kind, order 0.</summary>
    public static Tensor i0(Tensor input) => input.i0();
    /// <summary>In place: modified Bessel function of the first kind, order 0.</summary>
    public static Tensor i0_(Tensor input) => input.i0_();

    /// <summary>Lower regularized incomplete gamma function.</summary>
    public static Tensor igamma(Tensor input, Tensor other) => input.igamma(other);

    /// <summary>Upper regularized incomplete gamma function.</summary>
    public static Tensor igammac(Tensor input, Tensor other) => input.igammac(other);

    /// <summary>Imaginary part, as a view.</summary>
    public static Tensor imag(Tensor input) => input.imag;

    /// <summary>Logarithm of the absolute value of the gamma function.</summary>
    public static Tensor lgamma(Tensor input) => input.lgamma();
    /// <summary>In place: logarithm of the absolute value of the gamma function.</summary>
    public static Tensor lgamma_(Tensor input) => input.lgamma_();

    /// <summary>Natural logarithm.</summary>
    public static Tensor log(Tensor input) => input.log();

    /// <summary>Logarithm to base 10.</summary>
    public static Tensor log10(Tensor input) => input.log10();
    /// <summary>In place: logarithm to base 10.</summary>
    public static Tensor log10_(Tensor input) => input.log10_();

    /// <summary>log(1 + x) without loss near zero.</summary>
    public static Tensor log1p(Tensor input) => input.log1p();
    /// <summary>In place: log(1 + x) without loss near zero.</summary>
    public static Tensor log1p_(Tensor input) => input.log1p_();

    /// <summary>Logarithm to base 2.</summary>
    public static Tensor log2(Tensor input) => input.log2();
    /// <summary>In place: logarithm to base 2.</summary>
    public static Tensor log2_(Tensor input) => input.log2_();

    /// <summary>In place: natural logarithm.</summary>
    public static Tensor log_(Tensor input) => input.log_();

    /// <summary>log(x / (1 - x)), of x clamped to [eps, 1 - eps] where eps is given.</summary>
    public static Tensor logit(Tensor input, double? eps = null) => input.logit(eps);
    /// <summary>In place: log(x / (1 - x)), of x clamped to [eps, 1 - eps] where eps is given.</summary>
    public static Tensor logit_(Tensor input, double? eps = null) => input.logit_(eps);

    /// <summary>Logarithm of the multivariate gamma function of dimension p.</summary>
    public static Tensor mvlgamma(Tensor input, long p) => input.mvlgamma(p);
    /// <summary>In place: logarithm of the multivariate gamma function of dimension p.</summary>
    public static Tensor mvlgamma_(Tensor input, long p) => input.mvlgamma_(p);

    /// <summary>NaN and infinities replaced by the given numbers (null: the largest and smallest of the dtype).</summary>
    public static Tensor nan_to_num(Tensor input, double nan = 0, double? posinf = null, double? neginf = null) => input.nan_to_num(nan, posinf, neginf);
    /// <summary>In place: naN and infinities replaced by the given numbers (null: the largest and smallest of the dtype).</summary>
    public static Tensor nan_to_num_(Tensor input, double nan = 0, double? posinf = null, double? neginf = null) => input.nan_to_num_(nan, posinf, neginf);

    /// <summary>Each element with its sign changed.</summary>
    public static Tensor neg(Tensor input) => input.neg();
    /// <summary>In place: each element with its sign changed.</summary>
    public static Tensor neg_(Tensor input) => input.neg_();

    /// <summary>The same as neg.</summary>
    public static Tensor negative(Tensor input) => input.negative();
    /// <summary>The same as neg_.</summary>
    public static Tensor negative_(Tensor input) => input.neg_();

    /// <summary>Complex numbers from absolute value and angle.</summary>
    public static Tensor polar(Tensor abs, Tensor angle) => Aten.polar(abs, angle);

    /// <summary>The p-th derivative of digamma.</summary>
    public static Tensor polygamma(Tensor input, long p) => input.polygamma(p);
    /// <summary>In place: the p-th derivative of digamma.</summary>
    public static Tensor polygamma_(Tensor input, long p) => input.polygamma_(p);

    /// <summary>The tensor itself.</summary>
    public static Tensor positive(Tensor input) => input.positive();

    /// <summary>Radians to degrees.</summary>
    public static Tensor rad2deg(Tensor input) => input.rad2deg();
    /// <summary>In place: radians to degrees.</summary>
    public static Tensor rad2deg_(Tensor input) => input.rad2deg_();

    /// <summary>Real part, as a view.</summary>
    public static Tensor real(Tensor input) => input.real;

    /// <summary>One over each element.</summary>
    public static Tensor reciprocal(Tensor input) => input.reciprocal();
    /// <summary>In place: one over each element.</summary>
    public static Tensor reciprocal_(Tensor input) => input.reciprocal_();

    /// <summary>The conjugation carried out, where it was only marked.</summary>
    public static Tensor resolve_conj(Tensor input) => input.resolve_conj();

    /// <summary>Each element rounded to a number of decimals; halves go to the even neighbour.</summary>
    public static Tensor round(Tensor input, long decimals = 0) => input.round(decimals);
    /// <summary>In place: each element rounded to a number of decimals; halves go to the even neighbour.</summary>
    public static Tensor round_(Tensor input, long decimals = 0) => input.round_(decimals);

    /// <summary>One over the square root.</summary>
    public static Tensor rsqrt(Tensor input) => input.rsqrt();
    /// <summary>In place: one over the square root.</summary>
    public static Tensor rsqrt_(Tensor input) => input.rsqrt_();

    /// <summary>The sign; of complex numbers, the number over its absolute value.</summary>
    public static Tensor sgn(Tensor input) => input.sgn();
    /// <summary>In place: the sign; of complex numbers, the number over its absolute value.</summary>
    public static Tensor sgn_(Tensor input) => input.sgn_();

    /// <summary>-1, 0 or 1 by the sign of each element.</summary>
    public static Tensor sign(Tensor input) => input.sign();
    /// <summary>In place: -1, 0 or 1 by the sign of each element.</summary>
    public static Tensor sign_(Tensor input) => input.sign_();

    /// <summary>True where the sign bit is set.</summary>
    public static Tensor signbit(Tensor input) => input.signbit();

    /// <summary>sin(πx) / πx.</summary>
    public static Tensor sinc(Tensor input) => input.sinc();
    /// <summary>In place: sin(πx) / πx.</summary>
    public static Tensor sinc_(Tensor input) => input.sinc_();

    /// <summary>Square root.</summary>
    public static Tensor sqrt(Tensor input) => input.sqrt();
    /// <summary>In place: square root.</summary>
    public static Tensor sqrt_(Tensor input) => input.sqrt_();

    /// <summary>Each element squared.</summary>
    public static Tensor square(Tensor input) => input.square();

    /// <summary>Each element rounded toward zero.</summary>
    public static Tensor trunc(Tensor input) => input.trunc();
    /// <summary>In place: each element rounded toward zero.</summary>
    public static Tensor trunc_(Tensor input) => input.trunc_();
}
