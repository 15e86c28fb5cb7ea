// torch.Tensor: comparisons, truth values and bits. Each member is one operator of libtorch under its own name; see PyTorch's page of that name.

using Evo.Torch.Native;

namespace TorchSharp;

public static partial class torch
{
    public partial class Tensor
    {
        /// <summary>Whether all elements are true (or non-zero).</summary>
        public Tensor all() => Aten.all(this);
        /// <summary>Whether all elements are true (or non-zero).</summary>
        public Tensor all(long dim, bool keepdim = false) => Aten.all_dim(this, dim, keepdim);

        /// <summary>Whether isclose is true everywhere.</summary>
        public bool allclose(Tensor target, double rtol = 1e-05, double atol = 1e-08, bool equal_nan = false) => Aten.allclose(this, target, rtol, atol, equal_nan);

        /// <summary>Whether some element is true (or non-zero).</summary>
        public Tensor any() => Aten.any(this);
        /// <summary>Whether some element is true (or non-zero).</summary>
        public Tensor any(long dim, bool keepdim = false) => Aten.any_dim(this, dim, keepdim);

        /// <summary>And of the bits.</summary>
        public Tensor bitwise_and(Tensor other) => Aten.bitwise_and_Tensor(this, other);
        /// <summary>In place: and of the bits.</summary>
        public Tensor bitwise_and_(Tensor other) => Aten.bitwise_and__Tensor(this, other);

        /// <summary>Bits moved to the left.</summary>
        public Tensor bitwise_left_shift(Tensor other) => Aten.bitwise_left_shift_Tensor(this, other);
        /// <summary>In place: bits moved to the left.</summary>
        public Tensor bitwise_left_shift_(Tensor other) => Aten.bitwise_left_shift__Tensor(this, other);

        /// <summary>All bits changed; of bool, the negation.</summary>
        public Tensor bitwise_not() => Aten.bitwise_not(this);
        /// <summary>In place: all bits changed; of bool, the negation.</summary>
        public Tensor bitwise_not_() => Aten.bitwise_not_(this);

        /// <summary>Or of the bits.</summary>
        public Tensor bitwise_or(Tensor other) => Aten.bitwise_or_Tensor(this, other);
        /// <summary>In place: or of the bits.</summary>
        public Tensor bitwise_or_(Tensor other) => Aten.bitwise_or__Tensor(this, other);

        /// <summary>Bits moved to the right.</summary>
        public Tensor bitwise_right_shift(Tensor other) => Aten.bitwise_right_shift_Tensor(this, other);
        /// <summary>In place: bits moved to the right.</summary>
        public Tensor bitwise_right_shift_(Tensor other) => Aten.bitwise_right_shift__Tensor(this, other);

        /// <summary>Exclusive or of the bits.</summary>
        public Tensor bitwise_xor(Tensor other) => Aten.bitwise_xor_Tensor(this, other);
        /// <summary>In place: exclusive or of the bits.</summary>
        public Tensor bitwise_xor_(Tensor other) => Aten.bitwise_xor__Tensor(this, other);

        /// <summary>True where equal.</summary>
        public Tensor eq(Scalar target) => Aten.eq_Scalar(this, target);
        /// <summary>True where equal.</summary>
        public Tensor eq(Tensor target) => Aten.eq_Tensor(this, target);
        /// <summary>In place: true where equal.</summary>
        public Tensor eq_(Scalar target) => Aten.eq__Scalar(this, target);
        /// <summary>In place: true where equal.</summary>
        public Tensor eq_(Tensor target) => Aten.eq__Tensor(this, target);

        /// <summary>The same as eq.</summary>
        public Tensor equal(Tensor target) => Aten.eq_Tensor(this, target);

        /// <summary>True where greater or equal.</summary>
        public Tensor ge(Scalar target) => Aten.ge_Scalar(this, target);
        /// <summary>True where greater or equal.</summary>
        public Tensor ge(Tensor target) => Aten.ge_Tensor(this, target);
        /// <summary>In place: true where greater or equal.</summary>
        public Tensor ge_(Scalar target) => Aten.ge__Scalar(this, target);
        /// <summary>In place: true where greater or equal.</summary>
        public Tensor ge_(Tensor target) => Aten.ge__Tensor(this, target);

        /// <summary>The same as gt.</summary>
        public Tensor greater(Tensor target) => Aten.greater_Tensor(this, target);

        /// <summary>The same as ge.</summary>
        public Tensor greater_equal(Tensor target) => Aten.greater_equal_Tensor(this, target);

        /// <summary>True where greater.</summary>
        public Tensor gt(Scalar target) => Aten.gt_Scalar(this, target);
        /// <summary>True where greater.</summary>
        public Tensor gt(Tensor target) => Aten.gt_Tensor(this, target);
        /// <summary>In place: true where greater.</summary>
        public Tensor gt_(Scalar target) => Aten.gt__Scalar(this, target);
        /// <summary>In place: true where greater.</summary>
        public Tensor gt_(Tensor target) => Aten.gt__Tensor(this, target);

        /// <summary>Whether the tensor is marked as conjugated.</summary>
        public bool is_conj() => Aten.is_conj(this);

        /// <summary>Whether the single element is not zero.</summary>
        public bool is_nonzero() => Aten.is_nonzero(this);

        /// <summary>Whether the memory is page-locked.</summary>
        public bool is_pinned() => Aten.is_pinned(this);

        /// <summary>True where |this - other| is at most atol + rtol · |other|.</summary>
        public Tensor isclose(Tensor other, double rtol = 1e-05, double atol = 1e-08, bool nanEqual = false) => Aten.isclose(this, other, rtol, atol, nanEqual);

        /// <summary>True where neither infinite nor NaN.</summary>
        public Tensor isfinite() => Aten.isfinite(this);

        /// <summary>True where the element is among the test elements.</summary>
        public Tensor isin(Tensor test_elements, bool assumeUnique = false, bool invert = false) => Aten.isin_Tensor_Tensor(this, test_elements, assumeUnique, invert);

        /// <summary>True where infinite.</summary>
        public Tensor isinf() => Aten.isinf(this);

        /// <summary>True where NaN.</summary>
        public Tensor isnan() => Aten.isnan(this);

        /// <summary>True where minus infinity.</summary>
        public Tensor isneginf() => Aten.isneginf(this);

        /// <summary>True where plus infinity.</summary>
        public Tensor isposinf() => Aten.isposinf(this);

        /// <summary>True where the imaginary part is zero.</summary>
        public Tensor isreal() => Aten.isreal(this);

        /// <summary>True where less or equal.</summary>
        public Tensor le(Scalar target) => Aten.le_Scalar(this, target);
        /// <summary>True where less or equal.</summary>
        public Tensor le(Tensor target) => Aten.le_Tensor(this, target);
        /// <summary>In place: true where less or equal.</summary>
        public Tensor le_(Scalar target) => Aten.le__Scalar(this, target);
        /// <summary>In place: true where less or equal.</summary>
        public Tensor le_(Tensor target) => Aten.le__Tensor(this, target);

        /// <summary>The same as lt.</summary>
        public Tensor less(Tensor target) => Aten.less_Tensor(this, target);

        /// <summary>The same as le.</summary>
        public Tensor less_equal(Tensor target) => Aten.less_equal_Tensor(this, target);
        /// <summary>The same as le_.</summary>
        public Tensor less_equal_(Tensor target) => Aten.less_equal__Tensor(this, target);

        /// <summary>And of the truth values.</summary>
        public Tensor logical_and(Tensor other) => Aten.logical_and(this, other);
        /// <summary>In place: and of the truth values.</summary>
        public Tensor logical_and_(Tensor other) => Aten.logical_and_(this, other);

        /// <summary>Negation of the truth values.</summary>
        public Tensor logical_not() => Aten.logical_not(this);
        /// <summary>In place: negation of the truth values.</summary>
        public Tensor logical_not_() => Aten.logical_not_(this);

        /// <summary>Or of the truth values.</summary>
        public Tensor logical_or(Tensor other) => Aten.logical_or(this, other);
        /// <summary>In place: or of the truth values.</summary>
        public Tensor logical_or_(Tensor other) => Aten.logical_or_(this, other);

        /// <summary>Exclusive or of the truth values.</summary>
        public Tensor logical_xor(Tensor other) => Aten.logical_xor(this, other);
        /// <summary>In place: exclusive or of the truth values.</summary>
        public Tensor logical_xor_(Tensor other) => Aten.logical_xor_(this, other);

        /// <summary>True where less.</summary>
        public Tensor lt(Scalar target) => Aten.lt_Scalar(this, target);
        /// <summary>True where less.</summary>
        public Tensor lt(Tensor target) => Aten.lt_Tensor(this, target);
        /// <summary>In place: true where less.</summary>
        public Tensor lt_(Scalar target) => Aten.lt__Scalar(this, target);
        /// <summary>In place: true where less.</summary>
        public Tensor lt_(Tensor target) => Aten.lt__Tensor(this, target);

        /// <summary>True where not equal.</summary>
        public Tensor ne(Scalar target) => Aten.ne_Scalar(this, target);
        /// <summary>True where not equal.</summary>
        public Tensor ne(Tensor target) => Aten.ne_Tensor(this, target);
        /// <summary>In place: true where not equal.</summary>
        public Tensor ne_(Scalar target) => Aten.ne__Scalar(this, target);
        /// <summary>In place: true where not equal.</summary>
        public Tensor ne_(Tensor target) => Aten.ne__Tensor(this, target);

        /// <summary>The same as ne.</summary>
        public Tensor not_equal(Tensor target) => Aten.not_equal_Tensor(this, target);
        /// <summary>The same as ne_.</summary>
        public Tensor not_equal_(Tensor target) => Aten.not_equal__Tensor(this, target);
    }
}
