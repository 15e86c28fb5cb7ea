// torch.Tensor: functions of each element. Each member is one operator of libtorch under its own name; see PyTorch's page of that name.

using Evo.Torch.Native;

namespace TorchSharp;

public static partial class torch
{
    public partial class Tensor
    {
        /// <summary>Absolute value of each element.</summary>
        public Tensor abs() => Aten.abs(this);
        /// <summary>In place: absolute value of each element.</summary>
        public Tensor abs_() => Aten.abs_(this);

        /// <summary>The same as abs.</summary>
        public Tensor absolute() => Aten.absolute(this);
        /// <summary>The same as abs_.</summary>
        public Tensor absolute_() => Aten.absolute_(this);

        /// <summary>Angle of each complex number, in radians.</summary>
        public Tensor angle() => Aten.angle(this);

        /// <summary>Each element rounded up.</summary>
        public Tensor ceil() => Aten.ceil(this);
        /// <summary>In place: each element rounded up.</summary>
        public Tensor ceil_() => Aten.ceil_(this);

        /// <summary>Each element limited to [min, max]; null means no limit.</summary>
        public Tensor clamp(Scalar? min = null, Scalar? max = null) => Aten.clamp(this, min, max);
        /// <summary>Each element limited to [min, max]; null means no limit.</summary>
        public Tensor clamp(Tensor? min = null, Tensor? max = null) => Aten.clamp_Tensor(this, min, max);
        /// <summary>In place: each element limited to [min, max]; null means no limit.</summary>
        public Tensor clamp_(Scalar? min = null, Scalar? max = null) => Aten.clamp_(this, min, max);
        /// <summary>In place: each element limited to [min, max]; null means no limit.</summary>
        public Tensor clamp_(Tensor? min = null, Tensor? max = null) => Aten.clamp__Tensor(this, min, max);

        /// <summary>Each element limited from above.</summary>
        public Tensor clamp_max(Scalar max) => Aten.clamp_max(this, max);
        /// <summary>In place: each element limited from above.</summary>
        public Tensor clamp_max_(Scalar max) => Aten.clamp_max_(this, max);

        /// <summary>Each element limited from below.</summary>
        public Tensor clamp_min(Scalar min) => Aten.clamp_min(this, min);
        /// <summary>In place: each element limited from below.</summary>
        public Tensor clamp_min_(Scalar min) => Aten.clamp_min_(this, min);

        /// <summary>The same as clamp.</summary>
        public Tensor clip(Scalar? min = null, Scalar? max = null) => Aten.clip(this, min, max);

        /// <summary>Complex conjugate, as a view.</summary>
        public Tensor conj() => Aten.conj(this);

        /// <summary>Complex conjugate, computed.</summary>
        public Tensor conj_physical() => Aten.conj_physical(this);
        /// <summary>In place: complex conjugate, computed.</summary>
        public Tensor conj_physical_() => Aten.conj_physical_(this);

        /// <summary>Degrees to radians.</summary>
        public Tensor deg2rad() => Aten.deg2rad(this);
        /// <summary>In place: degrees to radians.</summary>
        public Tensor deg2rad_() => Aten.deg2rad_(this);

        /// <summary>Derivative of lgamma.</summary>
        public Tensor digamma() => Aten.digamma(this);
        /// <summary>In place: derivative of lgamma.</summary>
        public Tensor digamma_() => Aten.digamma_(this);

        /// <summary>Error function.</summary>
        public Tensor erf() => Aten.erf(this);
        /// <summary>In place: error function.</summary>
        public Tensor erf_() => Aten.erf_(this);

        /// <summary>Complement of the error function.</summary>
        public Tensor erfc() => Aten.erfc(this);
        /// <summary>In place: complement of the error function.</summary>
        public Tensor erfc_() => Aten.erfc_(this);

        /// <summary>Inverse of the error function.</summary>
        public Tensor erfinv() => Aten.erfinv(this);
        /// <summary>In place: inverse of the error function.</summary>
        public Tensor erfinv_() => Aten.erfinv_(this);

        /// <summary>e to the power of each element.</summary>
        public Tensor exp() => Aten.exp(this);

        /// <summary>2 to the power of each element.</summary>
        public Tensor exp2() => Aten.exp2(this);
        /// <summary>In place: 2 to the power of each element.</summary>
        public Tensor exp2_() => Aten.exp2_(this);

        /// <summary>In place: e to the power of each element.</summary>
        public Tensor exp_() => Aten.exp_(this);

        /// <summary>exp(x) - 1 without loss near zero.</summary>
        public Tensor expm1() => Aten.expm1(this);
        /// <summary>In place: exp(x) - 1 without loss near zero.</summary>
        public Tensor expm1_() => Aten.expm1_(this);

        /// <summary>The same as trunc.</summary>
        public Tensor fix() => Aten.fix(this);
        /// <summary>The same as trunc_.</summary>
        public Tensor fix_() => Aten.fix_(this);

        /// <summary>Each element rounded down.</summary>
        public Tensor floor() => Aten.floor(this);
        /// <summary>In place: each element rounded down.</summary>
        public Tensor floor_() => Aten.floor_(this);

        /// <summary>The fraction of each element.</summary>
        public Tensor frac() => Aten.frac(this);
        /// <summary>In place: the fraction of each element.</summary>
        public Tensor frac_() => Aten.frac_(this);

        /// <summary>Mantissa and exponent of each element.</summary>
        public (Tensor Mantissa, Tensor Exponent) frexp() => Aten.frexp_Tensor(this);

        /// <summary>Modified Bessel function of the first kind, order 0.</summary>
        public Tensor i0() => Aten.i0(this);
        /// <summary>In place: modified Bessel function of the first kind, order 0.</summary>
        public Tensor i0_() => Aten.i0_(this);

        /// <summary>Lower regularized incomplete gamma function.</summary>
        public Tensor igamma(Tensor other) => Aten.igamma(this, other);

        /// <summary>Upper regularized incomplete gamma function.</summary>
        public Tensor igammac(Tensor other) => Aten.igammac(this, other);

        /// <summary>Logarithm of the absolute value of the gamma function.</summary>
        public Tensor lgamma() => Aten.lgamma(this);
        /// <summary>In place: logarithm of the absolute value of the gamma function.</summary>
        public Tensor lgamma_() => Aten.lgamma_(this);

        /// <summary>Natural logarithm.</summary>
        public Tensor log() => Aten.log(this);

        /// <summary>Logarithm to base 10.</summary>
        public Tensor log10() => Aten.log10(this);
        /// <summary>In place: logarithm to base 10.</summary>
        public Tensor log10_() => Aten.log10_(this);

        /// <summary>log(1 + x) without loss near zero.</summary>
        public Tensor log1p() => Aten.log1p(this);
        /// <summary>In place: log(1 + x) without loss near zero.</summary>
        public Tensor log1p_() => Aten.log1p_(this);

        /// <summary>Logarithm to base 2.</summary>
        public Tensor log2() => Aten.log2(this);
        /// <summary>In place: logarithm to base 2.</summary>
        public Tensor log2_() => Aten.log2_(this);

        /// <summary>In place: natural logarithm.</summary>
        public Tensor log_() => Aten.log_(this);

        /// <summary>log(x / (1 - x)), of x clamped to [eps, 1 - eps] where eps is given.</summary>
        public Tensor logit(double? eps = null) => Aten.logit(this, eps);
        /// <summary>In place: log(x / (1 - x)), of x clamped to [eps, 1 - eps] where eps is given.</summary>
        public Tensor logit_(double? eps = null) => Aten.logit_(this, eps);

        /// <summary>Logarithm of the multivariate gamma function of dimension p.</summary>
        public Tensor mvlgamma(long p) => Aten.mvlgamma(this, p);
        /// <summary>In place: logarithm of the multivariate gamma function of dimension p.</summary>
        public Tensor mvlgamma_(long p) => Aten.mvlgamma_(this, p);

        /// <summary>NaN and infinities replaced by the given numbers (null: the largest and smallest of the dtype).</summary>
        public Tensor nan_to_num(double nan = 0, double? posinf = null, double? neginf = null) => Aten.nan_to_num(this, nan, posinf, neginf);
        /// <summary>In place: naN and infinities replaced by the given numbers (null: the largest and smallest of the dtype).</summary>
        public Tensor nan_to_num_(double nan = 0, double? posinf = null, double? neginf = null) => Aten.nan_to_num_(this, nan, posinf, neginf);

        /// <summary>Each element with its sign changed.</summary>
        public Tensor neg() => Aten.neg(this);
        /// <summary>In place: each element with its sign changed.</summary>
        public Tensor neg_() => Aten.neg_(this);

        /// <summary>The same as neg.</summary>
        public Tensor negative() => Aten.negative(this);

        /// <summary>The p-th derivative of digamma.</summary>
        public Tensor polygamma(long p) => Aten.polygamma(p, this);
        /// <summary>In place: the p-th derivative of digamma.</summary>
        public Tensor polygamma_(long p) => Aten.polygamma_(this, p);

        /// <summary>The tensor itself.</summary>
        public Tensor positive() => Aten.positive(this);

        /// <summary>Radians to degrees.</summary>
        public Tensor rad2deg() => Aten.rad2deg(this);
        /// <summary>In place: radians to degrees.</summary>
        public Tensor rad2deg_() => Aten.rad2deg_(this);

        /// <summary>One over each element.</summary>
        public Tensor reciprocal() => Aten.reciprocal(this);
        /// <summary>In place: one over each element.</summary>
        public Tensor reciprocal_() => Aten.reciprocal_(this);

        /// <summary>The conjugation carried out, where it was only marked.</summary>
        public Tensor resolve_conj() => Aten.resolve_conj(this);

        /// <summary>Each element rounded to a number of decimals; halves go to the even neighbour.</summary>
        public Tensor round(long decimals = 0) => decimals == 0 ? Aten.round(this) : Aten.round_decimals(this, decimals);
        /// <summary>In place: each element rounded to a number of decimals; halves go to the even neighbour.</summary>
        public Tensor round_(long decimals = 0) => decimals == 0 ? Aten.round_(this) : Aten.round__decimals(this, decimals);

        /// <summary>One over the square root.</summary>
        public Tensor rsqrt() => Aten.rsqrt(this);
        /// <summary>In place: one over the square root.</summary>
        public Tensor rsqrt_() => Aten.rsqrt_(this);

        /// <summary>The sign; of complex numbers, the number over its absolute value.</summary>
        public Tensor sgn() => Aten.sgn(this);
        /// <summary>In place: the sign; of complex numbers, the number over its absolute value.</summary>
        public Tensor sgn_() => Aten.sgn_(this);

        /// <summary>-1, 0 or 1 by the sign of each element.</summary>
        public Tensor sign() => Aten.sign(this);
        /// <summary>In place: -1, 0 or 1 by the sign of each element.</summary>
        public Tensor sign_() => Aten.sign_(this);

        /// <summary>True where the sign bit is set.</summary>
        public Tensor signbit() => Aten.signbit(this);

        /// <summary>sin(πx) / πx.</summary>
        public Tensor sinc() => Aten.sinc(this);
        /// <summary>In place: sin(πx) / πx.</summary>
        public Tensor sinc_() => Aten.sinc_(this);

        /// <summary>Square root.</summary>
        public Tensor sqrt() => Aten.sqrt(this);
        /// <summary>In place: square root.</summary>
        public Tensor sqrt_() => Aten.sqrt_(this);

        /// <summary>Each element squared.</summary>
        public Tensor square() => Aten.square(this);

        /// <summary>Each element rounded toward zero.</summary>
        public Tensor trunc() => Aten.trunc(this);
        /// <summary>In place: each element rounded toward zero.</summary>
        public Tensor trunc_() => Aten.trunc_(this);
    }
}
