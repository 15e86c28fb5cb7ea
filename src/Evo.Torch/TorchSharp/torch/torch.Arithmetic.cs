// torch.*: the functions of Tensor.Arithmetic.cs with the tensor as first argument.

using Evo.Torch.Native;

namespace TorchSharp;

public static partial class torch
{
    /// <summary>Sum with broadcasting; with alpha, this + alpha · other.</summary>
    public static Tensor add(Tensor left, Scalar right) => left.add(right);
    /// <summary>Sum with broadcasting; with alpha, this + alpha · other.</summary>
    public static Tensor add(Tensor left, Scalar right, Scalar alpha) => left.add(right, alpha);
    /// <summary>Sum with broadcasting; with alpha, this + alpha · other.</summary>
    public static Tensor add(Tensor left, Tensor right) => left.add(right);
    /// <summary>Sum with broadcasting; with alpha, this + alpha · other.</summary>
    public static Tensor add(Tensor left, Tensor right, Scalar alpha) => left.add(right, alpha);
    /// <summary>In place: sum with broadcasting; with alpha, this + alpha · other.</summary>
    public static Tensor add_(Tensor left, Tensor right) => left.add_(right);
    /// <summary>In place: sum with broadcasting; with alpha, this + alpha · other.</summary>
    public static Tensor add_(Tensor left, Scalar right) => left.add_(right);
    /// <summary>In place: sum with broadcasting; with alpha, this + alpha · other.</summary>
    public static Tensor add_(Tensor left, Tensor right, Scalar alpha) => left.add_(right, alpha);
    /// <summary>In place: sum with broadcasting; with alpha, this + alpha · other.</summary>
    public static Tensor add_(Tensor left, Scalar right, Scalar alpha) => left.add_(right, alpha);

    /// <summary>this + value · tensor1 / tensor2.</summary>
    public static Tensor addcdiv(Tensor input, Tensor tensor1, Tensor tensor2, Scalar value) => input.addcdiv(tensor1, tensor2, value);
    /// <summary>In place: this + value · tensor1 / tensor2.</summary>
    public static Tensor addcdiv_(Tensor input, Tensor tensor1, Tensor tensor2, Scalar value) => input.addcdiv_(tensor1, tensor2, value);

    /// <summary>this + value · tensor1 · tensor2.</summary>
    public static Tensor addcmul(Tensor input, Tensor tensor1, Tensor tensor2, Scalar value) => input.addcmul(tensor1, tensor2, value);
    /// <summary>In place: this + value · tensor1 · tensor2.</summary>
    public static Tensor addcmul_(Tensor input, Tensor tensor1, Tensor tensor2, Scalar value) => input.addcmul_(tensor1, tensor2, value);

    /// <summary>Magnitude of this with the sign of other.</summary>
    public static Tensor copysign(Tensor input, Tensor other) => input.copysign(other);
    /// <summary>In place: magnitude of this with the sign of other.</summary>
    public static Tensor copysign_(Tensor input, Tensor other) => input.copysign_(other);

    /// <summary>Quotient with broadcasting; rounded where a rounding mode is given.</summary>
    public static Tensor div(Tensor left, Scalar right, RoundingMode rounding_mode = RoundingMode.None) => left.div(right, rounding_mode);
    /// <summary>Quotient with broadcasting; rounded where a rounding mode is given.</summary>
    public static Tensor div(Tensor left, Tensor right, RoundingMode rounding_mode = RoundingMode.None) => left.div(right, rounding_mode);
    /// <summary>In place: quotient with broadcasting; rounded where a rounding mode is given.</summary>
    public static Tensor div_(Tensor left, Scalar right, RoundingMode rounding_mode = RoundingMode.None) => left.div_(right, rounding_mode);
    /// <summary>In place: quotient with broadcasting; rounded where a rounding mode is given.</summary>
    public static Tensor div_(Tensor left, Tensor right, RoundingMode rounding_mode = RoundingMode.None) => left.div_(right, rounding_mode);

    /// <summary>The same as div.</summary>
    public static Tensor divide(Tensor left, Scalar right, RoundingMode rounding_mode = RoundingMode.None) => left.divide(right, rounding_mode);
    /// <summary>The same as div.</summary>
    public static Tensor divide(Tensor left, Tensor right, RoundingMode rounding_mode = RoundingMode.None) => left.divide(right, rounding_mode);
    /// <summary>The same as div_.</summary>
    public static Tensor divide_(Tensor left, Scalar right) => left.divide_(right);
    /// <summary>The same as div_.</summary>
    public static Tensor divide_(Tensor left, Tensor right, RoundingMode rounding_mode = RoundingMode.None) => left.divide_(right, rounding_mode);

    /// <summary>Each element to a power, in float64.</summary>
    public static Tensor float_power(Tensor input, Tensor target) => input.float_power(target);
    /// <summary>In place: each element to a power, in float64.</summary>
    public static Tensor float_power_(Tensor input, Tensor target) => input.float_power_(target);

    /// <summary>Quotient rounded down.</summary>
    public static Tensor floor_divide(Tensor input, Tensor other) => input.floor_divide(other);
    /// <summary>In place: quotient rounded down.</summary>
    public static Tensor floor_divide_(Tensor input, Tensor other) => input.floor_divide_(other);

    /// <summary>The larger of the two at each place; NaN loses.</summary>
    public static Tensor fmax(Tensor input, Tensor other) => input.fmax(other);

    /// <summary>The smaller of the two at each place; NaN loses.</summary>
    public static Tensor fmin(Tensor input, Tensor other) => input.fmin(other);

    /// <summary>Remainder with the sign of the dividend.</summary>
    public static Tensor fmod(Tensor left, Scalar right) => left.fmod(right);
    /// <summary>Remainder with the sign of the dividend.</summary>
    public static Tensor fmod(Tensor left, Tensor right) => left.fmod(right);
    /// <summary>In place: remainder with the sign of the dividend.</summary>
    public static Tensor fmod_(Tensor left, Scalar right) => left.fmod_(right);
    /// <summary>In place: remainder with the sign of the dividend.</summary>
    public static Tensor fmod_(Tensor left, Tensor right) => left.fmod_(right);

    /// <summary>Greatest common divisor.</summary>
    public static Tensor gcd(Tensor left, Tensor right) => left.gcd(right);
    /// <summary>In place: greatest common divisor.</summary>
    public static Tensor gcd_(Tensor left, Tensor right) => left.gcd_(right);

    /// <summary>0 below zero, 1 above, values at zero.</summary>
    public static Tensor heaviside(Tensor input, Tensor values) => input.heaviside(values);
    /// <summary>In place: 0 below zero, 1 above, values at zero.</summary>
    public static Tensor heaviside_(Tensor input, Tensor values) => input.heaviside_(values);

    /// <summary>Least common multiple.</summary>
    public static Tensor lcm(Tensor input, Tensor other) => input.lcm(other);
    /// <summary>In place: least common multiple.</summary>
    public static Tensor lcm_(Tensor input, Tensor other) => input.lcm_(other);

    /// <summary>this · 2^other.</summary>
    public static Tensor ldexp(Tensor input, Tensor other) => input.ldexp(other);
    /// <summary>In place: this · 2^other.</summary>
    public static Tensor ldexp_(Tensor input, Tensor other) => input.ldexp_(other);

    /// <summary>Straight line between this and end at weight.</summary>
    public static Tensor lerp(Tensor input, Tensor end, Tensor weight) => input.lerp(end, weight);

    /// <summary>log(exp(this) + exp(other)) without overflow.</summary>
    public static Tensor logaddexp(Tensor left, Tensor right) => left.logaddexp(right);

    /// <summary>log2(2^this + 2^other) without overflow.</summary>
    public static Tensor logaddexp2(Tensor left, Tensor right) => left.logaddexp2(right);

    /// <summary>The larger of the two at each place; NaN wins.</summary>
    public static Tensor maximum(Tensor input, Tensor other) => input.maximum(other);

    /// <summary>The smaller of the two at each place; NaN wins.</summary>
    public static Tensor minimum(Tensor input, Tensor other) => input.minimum(other);

    /// <summary>Product with broadcasting.</summary>
    public static Tensor mul(Tensor left, Scalar right) => left.mul(right);
    /// <summary>Product with broadcasting.</summary>
    public static Tensor mul(Tensor left, Tensor right) => left.mul(right);
    /// <summary>In place: product with broadcasting.</summary>
    public static Tensor mul_(Tensor left, Scalar right) => left.mul_(right);
    /// <summary>In place: product with broadcasting.</summary>
    public static Tensor mul_(Tensor left, Tensor right) => left.mul_(right);

    /// <summary>The same as mul.</summary>
    public static Tensor multiply(Tensor left, Scalar right) => left.multiply(right);
    /// <summary>The same as mul.</summary>
    public static Tensor multiply(Tensor left, Tensor right) => left.multiply(right);
    /// <summary>The same as mul_.</summary>
    public static Tensor multiply_(Tensor left, Scalar right) => left.mul_(right);
    /// <summary>The same as mul_.</summary>
    public static Tensor multiply_(Tensor left, Tensor right) => left.mul_(right);

    /// <summary>The next representable number toward other.</summary>
    public static Tensor nextafter(Tensor input, Tensor other) => input.nextafter(other);
    /// <summary>In place: the next representable number toward other.</summary>
    public static Tensor nextafter_(Tensor input, Tensor other) => input.nextafter_(other);

    /// <summary>Each element to a power.</summary>
    public static Tensor pow(Tensor left, Scalar exponent) => left.pow(exponent);
    /// <summary>Each element to a power.</summary>
    public static Tensor pow(Tensor left, Tensor exponent) => left.pow(exponent);
    /// <summary>In place: each element to a power.</summary>
    public static Tensor pow_(Tensor left, Scalar exponent) => left.pow_(exponent);
    /// <summary>In place: each element to a power.</summary>
    public static Tensor pow_(Tensor left, Tensor exponent) => left.pow_(exponent);

    /// <summary>Remainder with the sign of the divisor.</summary>
    public static Tensor remainder(Tensor left, Scalar right) => left.remainder(right);
    /// <summary>Remainder with the sign of the divisor.</summary>
    public static Tensor remainder(Tensor left, Tensor right) => left.remainder(right);
    /// <summary>In place: remainder with the sign of the divisor.</summary>
    public static Tensor remainder_(Tensor left, Scalar right) => left.remainder_(right);
    /// <summary>In place: remainder with the sign of the divisor.</summary>
    public static Tensor remainder_(Tensor left, Tensor right) => left.remainder_(right);

    /// <summary>Difference with broadcasting.</summary>
    public static Tensor sub(Tensor left, Scalar right) => left.sub(right);
    /// <summary>Difference with broadcasting.</summary>
    public static Tensor sub(Tensor left, Tensor right) => left.sub(right);
    /// <summary>In place: difference with broadcasting.</summary>
    public static Tensor sub_(Tensor left, Scalar right) => left.sub_(right);
    /// <summary>In place: difference with broadcasting.</summary>
    public static Tensor sub_(Tensor left, Tensor right) => left.sub_(right);

    /// <summary>The same as sub.</summary>
    public static Tensor subtract(Tensor left, Scalar right) => left.subtract(right);
    /// <summary>The same as sub.</summary>
    public static Tensor subtract(Tensor left, Tensor right) => left.subtract(right);
    /// <summary>The same as sub_.</summary>
    public static Tensor subtract_(Tensor left, Scalar right) => left.subtract_(right);
    /// <summary>The same as sub_.</summary>
    public static Tensor subtract_(Tensor left, Tensor right) => left.subtract_(right);

    /// <summary>Quotient, always of floating point.</summary>
    public static Tensor true_divide(Tensor dividend, Tensor divisor) => dividend.true_divide(divisor);
    /// <summary>In place: quotient, always of floating point.</summary>
    public static Tensor true_divide_(Tensor dividend, Tensor divisor) => dividend.true_divide_(divisor);

    /// <summary>this · log(y), 0 where this is 0.</summary>
    public static Tensor xlogy(Tensor x, Scalar y) => x.xlogy(y);
    /// <summary>this · log(y), 0 where this is 0.</summary>
    public static Tensor xlogy(Tensor x, Tensor y) => x.xlogy(y);
    /// <summary>In place: this · log(y), 0 where this is 0.</summary>
    public static Tensor xlogy_(Tensor x, Scalar y) => x.xlogy_(y);
    /// <summary>In place: this · log(y), 0 where this is 0.</summary>
    public static Tensor xlogy_(Tensor x, Tensor y) => x.xlogy_(y);
}
