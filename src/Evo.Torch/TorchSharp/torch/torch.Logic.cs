// torch.*: the functions of Tensor.Logic.cs with the tensor as first argument.

using Evo.Torch.Native;

namespace TorchSharp;

public static partial class torch
{
    /// <summary>Whether all elements are true (or non-zero).</summary>
    public static Tensor all(Tensor input) => input.all();
    /// <summary>Whether all elements are true (or non-zero).</summary>
    public static Tensor all(Tensor input, long dim, bool keepdim = false) => input.all(dim, keepdim);

    /// <summary>Whether isclose is true everywhere.</summary>
    public static bool allclose(Tensor tensor, Tensor target, double rtol = 1e-05, double atol = 1e-08, bool equal_nan = false) => tensor.allclose(target, rtol, atol, equal_nan);

    /// <summary>Whether some element is true (or non-zero).</summary>
    public static Tensor any(Tensor input) => input.any();
    /// <summary>Whether some element is true (or non-zero).</summary>
    public static Tensor any(Tensor input, long dim, bool keepdim = false) => input.any(dim, keepdim);

    /// <summary>And of the bits.</summary>
    public static Tensor bitwise_and(Tensor left, Tensor right) => left.bitwise_and(right);
    /// <summary>In place: and of the bits.</summary>
    public static Tensor bitwise_and_(Tensor left, Tensor right) => left.bitwise_and_(right);

    /// <summary>Bits moved to the left.</summary>
    public static Tensor bitwise_left_shift(Tensor left, Tensor right) => left.bitwise_left_shift(right);
    /// <summary>In place: bits moved to the left.</summary>
    public static Tensor bitwise_left_shift_(Tensor left, Tensor right) => left.bitwise_left_shift_(right);

    /// <summary>All bits changed; of bool, the negation.</summary>
    public static Tensor bitwise_not(Tensor input) => input.bitwise_not();
    /// <summary>In place: all bits changed; of bool, the negation.</summary>
    public static Tensor bitwise_not_(Tensor input) => input.bitwise_not_();

    /// <summary>Or of the bits.</summary>
    public static Tensor bitwise_or(Tensor left, Tensor right) => left.bitwise_or(right);
    /// <summary>In place: or of the bits.</summary>
    public static Tensor bitwise_or_(Tensor left, Tensor right) => left.bitwise_or_(right);

    /// <summary>Bits moved to the right.</summary>
    public static Tensor bitwise_right_shift(Tensor left, Tensor right) => left.bitwise_right_shift(right);
    /// <summary>In place: bits moved to the right.</summary>
    public static Tensor bitwise_right_shift_(Tensor left, Tensor right) => left.bitwise_right_shift_(right);

    /// <summary>Exclusive or of the bits.</summary>
    public static Tensor bitwise_xor(Tensor left, Tensor right) => left.bitwise_xor(right);
    /// <summary>In place: exclusive or of the bits.</summary>
    public static Tensor bitwise_xor_(Tensor left, Tensor right) => left.bitwise_xor_(right);

    /// <summary>True where equal.</summary>
    public static Tensor eq(Tensor left, Tensor right) => left.eq(right);

    /// <summary>The same as eq.</summary>
    public static Tensor equal(Tensor tensor, Tensor target) => tensor.equal(target);

    /// <summary>True where greater or equal.</summary>
    public static Tensor ge(Tensor left, Tensor right) => left.ge(right);

    /// <summary>The same as gt.</summary>
    public static Tensor greater(Tensor tensor, Tensor target) => tensor.greater(target);

    /// <summary>The same as ge.</summary>
    public static Tensor greater_equal(Tensor tensor, Tensor target) => tensor.greater_equal(target);

    /// <summary>True where greater.</summary>
    public static Tensor gt(Tensor left, Tensor right) => left.gt(right);

    /// <summary>Whether the tensor is marked as conjugated.</summary>
    public static bool is_conj(Tensor input) => input.is_conj();

    /// <summary>Whether the single element is not zero.</summary>
    public static bool is_nonzero(Tensor input) => input.is_nonzero();

    /// <summary>True where |this - other| is at most atol + rtol · |other|.</summary>
    public static Tensor isclose(Tensor tensor, Tensor other, double rtol = 1e-05, double atol = 1e-08, bool nanEqual = false) => tensor.isclose(other, rtol, atol, nanEqual);

    /// <summary>True where neither infinite nor NaN.</summary>
    public static Tensor isfinite(Tensor tensor) => tensor.isfinite();

    /// <summary>True where the element is among the test elements.</summary>
    public static Tensor isin(Tensor tensor, Tensor test_elements, bool assumeUnique = false, bool invert = false) => tensor.isin(test_elements, assumeUnique, invert);

    /// <summary>True where infinite.</summary>
    public static Tensor isinf(Tensor tensor) => tensor.isinf();

    /// <summary>True where NaN.</summary>
    public static Tensor isnan(Tensor input) => input.isnan();

    /// <summary>True where minus infinity.</summary>
    public static Tensor isneginf(Tensor tensor) => tensor.isneginf();

    /// <summary>True where plus infinity.</summary>
    public static Tensor isposinf(Tensor tensor) => tensor.isposinf();

    /// <summary>True where the imaginary part is zero.</summary>
    public static Tensor isreal(Tensor tensor) => tensor.isreal();

    /// <summary>True where less or equal.</summary>
    public static Tensor le(Tensor left, Tensor right) => left.le(right);

    /// <summary>The same as lt.</summary>
    public static Tensor less(Tensor tensor, Tensor target) => tensor.less(target);

    /// <summary>The same as le.</summary>
    public static Tensor less_equal(Tensor tensor, Tensor target) => tensor.less_equal(target);

    /// <summary>And of the truth values.</summary>
    public static Tensor logical_and(Tensor left, Tensor right) => left.logical_and(right);
    /// <summary>In place: and of the truth values.</summary>
    public static Tensor logical_and_(Tensor left, Tensor right) => left.logical_and_(right);

    /// <summary>Negation of the truth values.</summary>
    public static Tensor logical_not(Tensor input) => input.logical_not();

    /// <summary>Or of the truth values.</summary>
    public static Tensor logical_or(Tensor left, Tensor right) => left.logical_or(right);
    /// <summary>In place: or of the truth values.</summary>
    public static Tensor logical_or_(Tensor left, Tensor right) => left.logical_or_(right);

    /// <summary>Exclusive or of the truth values.</summary>
    public static Tensor logical_xor(Tensor left, Tensor right) => left.logical_xor(right);
    /// <summary>In place: exclusive or of the truth values.</summary>
    public static Tensor logical_xor_(Tensor left, Tensor right) => left.logical_xor_(right);

    /// <summary>True where less.</summary>
    public static Tensor lt(Tensor left, Tensor right) => left.lt(right);

    /// <summary>True where not equal.</summary>
    public static Tensor ne(Tensor left, Tensor right) => left.ne(right);

    /// <summary>The same as ne.</summary>
    public static Tensor not_equal(Tensor tensor, Tensor target) => tensor.not_equal(target);
}
