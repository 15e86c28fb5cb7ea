// torch.*: the functions of Tensor.Trigonometry.cs with the tensor as first argument.

using Evo.Torch.Native;

namespace TorchSharp;

public static partial class torch
{
    /// <summary>Arc cosine.</summary>
    public static Tensor acos(Tensor input) => input.acos();
    /// <summary>In place: arc cosine.</summary>
    public static Tensor acos_(Tensor input) => input.acos_();

    /// <summary>Inverse hyperbolic cosine.</summary>
    public static Tensor acosh(Tensor input) => input.acosh();
    /// <summary>In place: inverse hyperbolic cosine.</summary>
    public static Tensor acosh_(Tensor input) => input.acosh_();

    /// <summary>The same as acos.</summary>
    public static Tensor arccos(Tensor input) => input.arccos();
    /// <summary>The same as acos_.</summary>
    public static Tensor arccos_(Tensor input) => input.arccos_();

    /// <summary>The same as acosh.</summary>
    public static Tensor arccosh(Tensor input) => input.arccosh();
    /// <summary>The same as acosh_.</summary>
    public static Tensor arccosh_(Tensor input) => input.arccosh_();

    /// <summary>The same as asin.</summary>
    public static Tensor arcsin(Tensor input) => input.arcsin();
    /// <summary>The same as asin_.</summary>
    public static Tensor arcsin_(Tensor input) => input.arcsin_();

    /// <summary>The same as asinh.</summary>
    public static Tensor arcsinh(Tensor input) => input.arcsinh();
    /// <summary>The same as asinh_.</summary>
    public static Tensor arcsinh_(Tensor input) => input.arcsinh_();

    /// <summary>The same as atan.</summary>
    public static Tensor arctan(Tensor input) => input.arctan();
    /// <summary>The same as atan.</summary>
    public static Tensor arctan(Tensor input, Tensor other) => input.arctan(other);

    /// <summary>The same as atan2.</summary>
    public static Tensor arctan2(Tensor input, Tensor other) => input.arctan2(other);
    /// <summary>The same as atan2_.</summary>
    public static Tensor arctan2_(Tensor input, Tensor other) => input.arctan2_(other);

    /// <summary>The same as atan_.</summary>
    public static Tensor arctan_(Tensor input) => input.arctan_();
    /// <summary>The same as atan_.</summary>
    public static Tensor arctan_(Tensor input, Tensor other) => input.arctan_(other);

    /// <summary>The same as atanh.</summary>
    public static Tensor arctanh(Tensor input) => input.arctanh();
    /// <summary>The same as atanh_.</summary>
    public static Tensor arctanh_(Tensor input) => input.arctanh_();

    /// <summary>Arc sine.</summary>
    public static Tensor asin(Tensor input) => input.asin();
    /// <summary>In place: arc sine.</summary>
    public static Tensor asin_(Tensor input) => input.asin_();

    /// <summary>Inverse hyperbolic sine.</summary>
    public static Tensor asinh(Tensor input) => input.asinh();
    /// <summary>In place: inverse hyperbolic sine.</summary>
    public static Tensor asinh_(Tensor input) => input.asinh_();

    /// <summary>Arc tangent.</summary>
    public static Tensor atan(Tensor input) => input.atan();

    /// <summary>Angle of the point (other, this), in (-π, π].</summary>
    public static Tensor atan2(Tensor input, Tensor other) => input.atan2(other);
    /// <summary>In place: angle of the point (other, this), in (-π, π].</summary>
    public static Tensor atan2_(Tensor input, Tensor other) => input.atan2_(other);

    /// <summary>In place: arc tangent.</summary>
    public static Tensor atan_(Tensor input) => input.atan_();

    /// <summary>Inverse hyperbolic tangent.</summary>
    public static Tensor atanh(Tensor input) => input.atanh();
    /// <summary>In place: inverse hyperbolic tangent.</summary>
    public static Tensor atanh_(Tensor input) => input.atanh_();

    /// <summary>Cosine.</summary>
    public static Tensor cos(Tensor input) => input.cos();
    /// <summary>In place: cosine.</summary>
    public static Tensor cos_(Tensor input) => input.cos_();

    /// <summary>Hyperbolic cosine.</summary>
    public static Tensor cosh(Tensor input) => input.cosh();
    /// <summary>In place: hyperbolic cosine.</summary>
    public static Tensor cosh_(Tensor input) => input.cosh_();

    /// <summary>Square root of the sum of the two squares.</summary>
    public static Tensor hypot(Tensor left, Tensor right) => left.hypot(right);

    /// <summary>Sine.</summary>
    public static Tensor sin(Tensor input) => input.sin();
    /// <summary>In place: sine.</summary>
    public static Tensor sin_(Tensor input) => input.sin_();

    /// <summary>Hyperbolic sine.</summary>
    public static Tensor sinh(Tensor input) => input.sinh();
    /// <summary>In place: hyperbolic sine.</summary>
    public static Tensor sinh_(Tensor input) => input.sinh_();

    /// <summary>Tangent.</summary>
    public static Tensor tan(Tensor input) => input.tan();
    /// <summary>In place: tangent.</summary>
    public static Tensor tan_(Tensor input) => input.tan_();

    /// <summary>Hyperbolic tangent.</summary>
    public static Tensor tanh(Tensor input) => input.tanh();
    /// <summary>In place: hyperbolic tangent.</summary>
    public static Tensor tanh_(Tensor input) => input.tanh_();
}
