// torch.Tensor: trigonometric and hyperbolic functions. Each member is one operator of libtorch under its own name; see PyTorch's page of that name.

using Evo.Torch.Native;

namespace TorchSharp;

public static partial class torch
{
    public partial class Tensor
    {
        /// <summary>Arc cosine.</summary>
        public Tensor acos() => Aten.acos(this);
        /// <summary>In place: arc cosine.</summary>
        public Tensor acos_() => Aten.acos_(this);

        /// <summary>Inverse hyperbolic cosine.</summary>
        public Tensor acosh() => Aten.acosh(this);
        /// <summary>In place: inverse hyperbolic cosine.</summary>
        public Tensor acosh_() => Aten.acosh_(this);

        /// <summary>The same as acos.</summary>
        public Tensor arccos() => Aten.arccos(this);
        /// <summary>The same as acos_.</summary>
        public Tensor arccos_() => Aten.arccos_(this);

        /// <summary>The same as acosh.</summary>
        public Tensor arccosh() => Aten.arccosh(this);
        /// <summary>The same as acosh_.</summary>
        public Tensor arccosh_() => Aten.arccosh_(this);

        /// <summary>The same as asin.</summary>
        public Tensor arcsin() => Aten.arcsin(this);
        /// <summary>The same as asin_.</summary>
        public Tensor arcsin_() => Aten.arcsin_(this);

        /// <summary>The same as asinh.</summary>
        public Tensor arcsinh() => Aten.arcsinh(this);
        /// <summary>The same as asinh_.</summary>
        public Tensor arcsinh_() => Aten.arcsinh_(this);

        /// <summary>The same as atan.</summary>
        public Tensor arctan() => Aten.arctan(this);
        /// <summary>The same as atan.</summary>
        public Tensor arctan(Tensor other) => Aten.atan2(this, other);

        /// <summary>The same as atan2.</summary>
        public Tensor arctan2(Tensor other) => Aten.arctan2(this, other);
        /// <summary>The same as atan2_.</summary>
        public Tensor arctan2_(Tensor other) => Aten.arctan2_(this, other);

        /// <summary>The same as atan_.</summary>
        public Tensor arctan_() => Aten.arctan_(this);
        /// <summary>The same as atan_.</summary>
        public Tensor arctan_(Tensor other) => Aten.atan2_(this, other);

        /// <summary>The same as atanh.</summary>
        public Tensor arctanh() => Aten.arctanh(this);
        /// <summary>The same as atanh_.</summary>
        public Tensor arctanh_() => Aten.arctanh_(this);

        /// <summary>Arc sine.</summary>
        public Tensor asin() => Aten.asin(this);
        /// <summary>In place: arc sine.</summary>
        public Tensor asin_() => Aten.asin_(this);

        /// <summary>Inverse hyperbolic sine.</summary>
        public Tensor asinh() => Aten.asinh(this);
        /// <summary>In place: inverse hyperbolic sine.</summary>
        public Tensor asinh_() => Aten.asinh_(this);

        /// <summary>Arc tangent.</summary>
        public Tensor atan() => Aten.atan(this);

        /// <summary>Angle of the point (other, this), in (-π, π].</summary>
        public Tensor atan2(Tensor other) => Aten.atan2(this, other);
        /// <summary>In place: angle of the point (other, this), in (-π, π].</summary>
        public Tensor atan2_(Tensor other) => Aten.atan2_(this, other);

        /// <summary>In place: arc tangent.</summary>
        public Tensor atan_() => Aten.atan_(this);

        /// <summary>Inverse hyperbolic tangent.</summary>
        public Tensor atanh() => Aten.atanh(this);
        /// <summary>In place: inverse hyperbolic tangent.</summary>
        public Tensor atanh_() => Aten.atanh_(this);

        /// <summary>Cosine.</summary>
        public Tensor cos() => Aten.cos(this);
        /// <summary>In place: cosine.</summary>
        public Tensor cos_() => Aten.cos_(this);

        /// <summary>Hyperbolic cosine.</summary>
        public Tensor cosh() => Aten.cosh(this);
        /// <summary>In place: hyperbolic cosine.</summary>
        public Tensor cosh_() => Aten.cosh_(this);

        /// <summary>Square root of the sum of the two squares.</summary>
        public Tensor hypot(Tensor other) => Aten.hypot(this, other);

        /// <summary>Sine.</summary>
        public Tensor sin() => Aten.sin(this);
        /// <summary>In place: sine.</summary>
        public Tensor sin_() => Aten.sin_(this);

        /// <summary>Hyperbolic sine.</summary>
        public Tensor sinh() => Aten.sinh(this);
        /// <summary>In place: hyperbolic sine.</summary>
        public Tensor sinh_() => Aten.sinh_(this);

        /// <summary>Tangent.</summary>
        public Tensor tan() => Aten.tan(this);
        /// <summary>In place: tangent.</summary>
        public Tensor tan_() => Aten.tan_(this);

        /// <summary>Hyperbolic tangent.</summary>
        public Tensor tanh() => Aten.tanh(this);
        /// <summary>In place: hyperbolic tangent.</summary>
        public Tensor tanh_() => Aten.tanh_(this);
    }
}
