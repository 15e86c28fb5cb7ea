// torch.Tensor: arithmetic between tensors, with broadcasting. Each member is one operator of libtorch under its own name; see PyTorch's page of that name.

using Evo.Torch.Native;

namespace TorchSharp;

public static partial class torch
{
    public partial class Tensor
    {
        /// <summary>Sum with broadcasting; with alpha, this + alpha · other.</summary>
        public Tensor add(Scalar scalar) => Aten.add_Scalar(this, scalar);
        /// <summary>Sum with broadcasting; with alpha, this + alpha · other.</summary>
        public Tensor add(Scalar scalar, Scalar alpha) => Aten.add_Scalar(this, scalar, alpha);
        /// <summary>Sum with broadcasting; with alpha, this + alpha · other.</summary>
        public Tensor add(Tensor target) => Aten.add_Tensor(this, target);
        /// <summary>Sum with broadcasting; with alpha, this + alpha · other.</summary>
        public Tensor add(Tensor target, Scalar alpha) => Aten.add_Tensor(this, target, alpha);
        /// <summary>In place: sum with broadcasting; with alpha, this + alpha · other.</summary>
        public Tensor add_(Scalar scalar) => Aten.add__Scalar(this, scalar);
        /// <summary>In place: sum with broadcasting; with alpha, this + alpha · other.</summary>
        public Tensor add_(Scalar scalar, Scalar alpha) => Aten.add__Scalar(this, scalar, alpha);
        /// <summary>In place: sum with broadcasting; with alpha, this + alpha · other.</summary>
        public Tensor add_(Tensor target) => Aten.add__Tensor(this, target);
        /// <summary>In place: sum with broadcasting; with alpha, this + alpha · other.</summary>
        public Tensor add_(Tensor target, Scalar alpha) => Aten.add__Tensor(this, target, alpha);

        /// <summary>this + value · tensor1 / tensor2.</summary>
        public Tensor addcdiv(Tensor tensor1, Tensor tensor2) => Aten.addcdiv(this, tensor1, tensor2);
        /// <summary>this + value · tensor1 / tensor2.</summary>
        public Tensor addcdiv(Tensor tensor1, Tensor tensor2, Scalar value) => Aten.addcdiv(this, tensor1, tensor2, value);
        /// <summary>In place: this + value · tensor1 / tensor2.</summary>
        public Tensor addcdiv_(Tensor tensor1, Tensor tensor2) => Aten.addcdiv_(this, tensor1, tensor2);
        /// <summary>In place: this + value · tensor1 / tensor2.</summary>
        public Tensor addcdiv_(Tensor tensor1, Tensor tensor2, Scalar value) => Aten.addcdiv_(this, tensor1, tensor2, value);

        /// <summary>this + value · tensor1 · tensor2.</summary>
        public Tensor addcmul(Tensor tensor1, Tensor tensor2, Scalar value) => Aten.addcmul(this, tensor1, tensor2, value);
        /// <summary>In place: this + value · tensor1 · tensor2.</summary>
        public Tensor addcmul_(Tensor tensor1, Tensor tensor2, Scalar value) => Aten.addcmul_(this, tensor1, tensor2, value);

        /// <summary>Magnitude of this with the sign of other.</summary>
        public Tensor copysign(Tensor other) => Aten.copysign_Tensor(this, other);
        /// <summary>In place: magnitude of this with the sign of other.</summary>
        public Tensor copysign_(Tensor other) => Aten.copysign__Tensor(this, other);

        /// <summary>Quotient with broadcasting; rounded where a rounding mode is given.</summary>
        public Tensor div(Scalar target, RoundingMode rounding_mode = RoundingMode.None) => Aten.div_Scalar_mode(this, target, Name(rounding_mode));
        /// <summary>Quotient with broadcasting; rounded where a rounding mode is given.</summary>
        public Tensor div(Tensor target, RoundingMode rounding_mode = RoundingMode.None) => Aten.div_Tensor_mode(this, target, Name(rounding_mode));
        /// <summary>In place: quotient with broadcasting; rounded where a rounding mode is given.</summary>
        public Tensor div_(Scalar target, RoundingMode rounding_mode = RoundingMode.None) => Aten.div__Scalar_mode(this, target, Name(rounding_mode));
        /// <summary>In place: quotient with broadcasting; rounded where a rounding mode is given.</summary>
        public Tensor div_(Tensor target, RoundingMode rounding_mode = RoundingMode.None) => Aten.div__Tensor_mode(this, target, Name(rounding_mode));

        /// <summary>The same as div.</summary>
        public Tensor divide(Scalar target, RoundingMode rounding_mode = RoundingMode.None) => Aten.div_Scalar_mode(this, target, Name(rounding_mode));
        /// <summary>The same as div.</summary>
        public Tensor divide(Tensor target, RoundingMode rounding_mode = RoundingMode.None) => Aten.div_Tensor_mode(this, target, Name(rounding_mode));
        /// <summary>The same as div_.</summary>
        public Tensor divide_(Scalar target, RoundingMode rounding_mode = RoundingMode.None) => Aten.div__Scalar_mode(this, target, Name(rounding_mode));
        /// <summary>The same as div_.</summary>
        public Tensor divide_(Tensor target, RoundingMode rounding_mode = RoundingMode.None) => Aten.div__Tensor_mode(this, target, Name(rounding_mode));

        /// <summary>Each element to a power, in float64.</summary>
        public Tensor float_power(Tensor target) => Aten.float_power_Tensor_Tensor(this, target);
        /// <summary>In place: each element to a power, in float64.</summary>
        public Tensor float_power_(Tensor target) => Aten.float_power__Tensor(this, target);

        /// <summary>Quotient rounded down.</summary>
        public Tensor floor_divide(Scalar other) => Aten.floor_divide_Scalar(this, other);
        /// <summary>Quotient rounded down.</summary>
        public Tensor floor_divide(Tensor other) => Aten.floor_divide(this, other);
        /// <summary>In place: quotient rounded down.</summary>
        public Tensor floor_divide_(Scalar other) => Aten.floor_divide__Scalar(this, other);
        /// <summary>In place: quotient rounded down.</summary>
        public Tensor floor_divide_(Tensor other) => Aten.floor_divide__Tensor(this, other);

        /// <summary>The larger of the two at each place; NaN loses.</summary>
        public Tensor fmax(Tensor other) => Aten.fmax(this, other);

        /// <summary>The smaller of the two at each place; NaN loses.</summary>
        public Tensor fmin(Tensor other) => Aten.fmin(this, other);

        /// <summary>Remainder with the sign of the dividend.</summary>
        public Tensor fmod(Scalar scalar) => Aten.fmod_Scalar(this, scalar);
        /// <summary>Remainder with the sign of the dividend.</summary>
        public Tensor fmod(Tensor target) => Aten.fmod_Tensor(this, target);
        /// <summary>In place: remainder with the sign of the dividend.</summary>
        public Tensor fmod_(Scalar scalar) => Aten.fmod__Scalar(this, scalar);
        /// <summary>In place: remainder with the sign of the dividend.</summary>
        public Tensor fmod_(Tensor target) => Aten.fmod__Tensor(this, target);

        /// <summary>Greatest common divisor.</summary>
        public Tensor gcd(Tensor other) => Aten.gcd(this, other);
        /// <summary>In place: greatest common divisor.</summary>
        public Tensor gcd_(Tensor other) => Aten.gcd_(this, other);

        /// <summary>0 below zero, 1 above, values at zero.</summary>
        public Tensor heaviside(Tensor other) => Aten.heaviside(this, other);
        /// <summary>In place: 0 below zero, 1 above, values at zero.</summary>
        public Tensor heaviside_(Tensor other) => Aten.heaviside_(this, other);

        /// <summary>Least common multiple.</summary>
        public Tensor lcm(Tensor other) => Aten.lcm(this, other);
        /// <summary>In place: least common multiple.</summary>
        public Tensor lcm_(Tensor other) => Aten.lcm_(this, other);

        /// <summary>this · 2^other.</summary>
        public Tensor ldexp(Tensor other) => Aten.ldexp_Tensor(this, other);
        /// <summary>In place: this · 2^other.</summary>
        public Tensor ldexp_(Tensor other) => Aten.ldexp_(this, other);

        /// <summary>Straight line between this and end at weight.</summary>
        public Tensor lerp(Tensor end, Tensor weight) => Aten.lerp_Tensor(this, end, weight);
        /// <summary>In place: straight line between this and end at weight.</summary>
        public Tensor lerp_(Tensor end, Tensor weight) => Aten.lerp__Tensor(this, end, weight);

        /// <summary>log(exp(this) + exp(other)) without overflow.</summary>
        public Tensor logaddexp(Tensor other) => Aten.logaddexp(this, other);

        /// <summary>log2(2^this + 2^other) without overflow.</summary>
        public Tensor logaddexp2(Tensor other) => Aten.logaddexp2(this, other);

        /// <summary>The larger of the two at each place; NaN wins.</summary>
        public Tensor maximum(Tensor other) => Aten.maximum(this, other);

        /// <summary>The smaller of the two at each place; NaN wins.</summary>
        public Tensor minimum(Tensor other) => Aten.minimum(this, other);

        /// <summary>Product with broadcasting.</summary>
        public Tensor mul(Scalar target) => Aten.mul_Scalar(this, target);
        /// <summary>Product with broadcasting.</summary>
        public Tensor mul(Tensor target) => Aten.mul_Tensor(this, target);
        /// <summary>In place: product with broadcasting.</summary>
        public Tensor mul_(Scalar target) => Aten.mul__Scalar(this, target);
        /// <summary>In place: product with broadcasting.</summary>
        public Tensor mul_(Tensor target) => Aten.mul__Tensor(this, target);

        /// <summary>The same as mul.</summary>
        public Tensor multiply(Scalar target) => Aten.multiply_Scalar(this, target);
        /// <summary>The same as mul.</summary>
        public Tensor multiply(Tensor target) => Aten.multiply_Tensor(this, target);

        /// <summary>The next representable number toward other.</summary>
        public Tensor nextafter(Tensor other) => Aten.nextafter(this, other);
        /// <summary>In place: the next representable number toward other.</summary>
        public Tensor nextafter_(Tensor other) => Aten.nextafter_(this, other);

        /// <summary>Each element to a power.</summary>
        public Tensor pow(Scalar exponent) => Aten.pow_Tensor_Scalar(this, exponent);
        /// <summary>Each element to a power.</summary>
        public Tensor pow(Tensor exponent) => Aten.pow_Tensor_Tensor(this, exponent);
        /// <summary>In place: each element to a power.</summary>
        public Tensor pow_(Scalar exponent) => Aten.pow__Scalar(this, exponent);
        /// <summary>In place: each element to a power.</summary>
        public Tensor pow_(Tensor exponent) => Aten.pow__Tensor(this, exponent);

        /// <summary>Remainder with the sign of the divisor.</summary>
        public Tensor remainder(Scalar scalar) => Aten.remainder_Scalar(this, scalar);
        /// <summary>Remainder with the sign of the divisor.</summary>
        public Tensor remainder(Tensor target) => Aten.remainder_Tensor(this, target);
        /// <summary>In place: remainder with the sign of the divisor.</summary>
        public Tensor remainder_(Scalar scalar) => Aten.remainder__Scalar(this, scalar);
        /// <summary>In place: remainder with the sign of the divisor.</summary>
        public Tensor remainder_(Tensor target) => Aten.remainder__Tensor(this, target);

        /// <summary>Difference with broadcasting.</summary>
        public Tensor sub(Scalar target) => Aten.sub_Scalar(this, target);
        /// <summary>Difference with broadcasting.</summary>
        public Tensor sub(Tensor target) => Aten.sub_Tensor(this, target);
        /// <summary>In place: difference with broadcasting.</summary>
        public Tensor sub_(Scalar target) => Aten.sub__Scalar(this, target);
        /// <summary>In place: difference with broadcasting.</summary>
        public Tensor sub_(Tensor target) => Aten.sub__Tensor(this, target);

        /// <summary>The same as sub.</summary>
        public Tensor subtract(Scalar target) => Aten.subtract_Scalar(this, target);
        /// <summary>The same as sub.</summary>
        public Tensor subtract(Tensor target) => Aten.subtract_Tensor(this, target);
        /// <summary>The same as sub_.</summary>
        public Tensor subtract_(Scalar target) => Aten.subtract__Scalar(this, target);
        /// <summary>The same as sub_.</summary>
        public Tensor subtract_(Tensor target) => Aten.subtract__Tensor(this, target);

        /// <summary>Quotient, always of floating point.</summary>
        public Tensor true_divide(Scalar other) => Aten.true_divide_Scalar(this, other);
        /// <summary>Quotient, always of floating point.</summary>
        public Tensor true_divide(Tensor other) => Aten.true_divide_Tensor(this, other);
        /// <summary>In place: quotient, always of floating point.</summary>
        public Tensor true_divide_(Scalar other) => Aten.true_divide__Scalar(this, other);
        /// <summary>In place: quotient, always of floating point.</summary>
        public Tensor true_divide_(Tensor other) => Aten.true_divide__Tensor(this, other);

        /// <summary>this · log(y), 0 where this is 0.</summary>
        public Tensor xlogy(Scalar y) => Aten.xlogy_Scalar_Other(this, y);
        /// <summary>this · log(y), 0 where this is 0.</summary>
        public Tensor xlogy(Tensor y) => Aten.xlogy_Tensor(this, y);
        /// <summary>In place: this · log(y), 0 where this is 0.</summary>
        public Tensor xlogy_(Scalar y) => Aten.xlogy__Scalar_Other(this, y);
        /// <summary>In place: this · log(y), 0 where this is 0.</summary>
        public Tensor xlogy_(Tensor y) => Aten.xlogy__Tensor(this, y);
    }
}
