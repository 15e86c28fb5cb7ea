// torch.Tensor: the operators of C#. Equality, too, is element by element: == gives a tensor of truth values.

using System.Numerics;
using Evo.Torch.Native;

namespace TorchSharp;

public static partial class torch
{
    public partial class Tensor
    {
        /// <summary>Sum, with broadcasting.</summary>
        public static Tensor operator +(Tensor left, Tensor right) => left.add(right);
        /// <summary>Sum with a number.</summary>
        public static Tensor operator +(Tensor left, Scalar right) => left.add(right);
        /// <summary>Sum with a number.</summary>
        public static Tensor operator +(Tensor left, int right) => left.add((Scalar)right);
        /// <summary>Sum with a number.</summary>
        public static Tensor operator +(Tensor left, long right) => left.add((Scalar)right);
        /// <summary>Sum with a number.</summary>
        public static Tensor operator +(Tensor left, float right) => left.add((Scalar)right);
        /// <summary>Sum with a number.</summary>
        public static Tensor operator +(Tensor left, double right) => left.add((Scalar)right);
        /// <summary>Sum of a number and a tensor.</summary>
        public static Tensor operator +(Scalar left, Tensor right) => right.add(left);
        /// <summary>Sum of a number and a tensor.</summary>
        public static Tensor operator +(int left, Tensor right) => right.add((Scalar)left);
        /// <summary>Sum of a number and a tensor.</summary>
        public static Tensor operator +(long left, Tensor right) => right.add((Scalar)left);
        /// <summary>Sum of a number and a tensor.</summary>
        public static Tensor operator +(float left, Tensor right) => right.add((Scalar)left);
        /// <summary>Sum of a number and a tensor.</summary>
        public static Tensor operator +(double left, Tensor right) => right.add((Scalar)left);

        /// <summary>Difference, with broadcasting.</summary>
        public static Tensor operator -(Tensor left, Tensor right) => left.sub(right);
        /// <summary>Difference with a number.</summary>
        public static Tensor operator -(Tensor left, Scalar right) => left.sub(right);
        /// <summary>Difference with a number.</summary>
        public static Tensor operator -(Tensor left, int right) => left.sub((Scalar)right);
        /// <summary>Difference with a number.</summary>
        public static Tensor operator -(Tensor left, long right) => left.sub((Scalar)right);
        /// <summary>Difference with a number.</summary>
        public static Tensor operator -(Tensor left, float right) => left.sub((Scalar)right);
        /// <summary>Difference with a number.</summary>
        public static Tensor operator -(Tensor left, double right) => left.sub((Scalar)right);
        /// <summary>Difference of a number and a tensor.</summary>
        public static Tensor operator -(Scalar left, Tensor right) => Aten.rsub_Scalar(right, left, 1);
        /// <summary>Difference of a number and a tensor.</summary>
        public static Tensor operator -(int left, Tensor right) => Aten.rsub_Scalar(right, (Scalar)left, 1);
        /// <summary>Difference of a number and a tensor.</summary>
        public static Tensor operator -(long left, Tensor right) => Aten.rsub_Scalar(right, (Scalar)left, 1);
        /// <summary>Difference of a number and a tensor.</summary>
        public static Tensor operator -(float left, Tensor right) => Aten.rsub_Scalar(right, (Scalar)left, 1);
        /// <summary>Difference of a number and a tensor.</summary>
        public static Tensor operator -(double left, Tensor right) => Aten.rsub_Scalar(right, (Scalar)left, 1);

        /// <summary>Product, with broadcasting.</summary>
        public static Tensor operator *(Tensor left, Tensor right) => left.mul(right);
        /// <summary>Product with a number.</summary>
        public static Tensor operator *(Tensor left, Scalar right) => left.mul(right);
        /// <summary>Product with a number.</summary>
        public static Tensor operator *(Tensor left, int right) => left.mul((Scalar)right);
        /// <summary>Product with a number.</summary>
        public static Tensor operator *(Tensor left, long right) => left.mul((Scalar)right);
        /// <summary>Product with a number.</summary>
        public static Tensor operator *(Tensor left, float right) => left.mul((Scalar)right);
        /// <summary>Product with a number.</summary>
        public static Tensor operator *(Tensor left, double right) => left.mul((Scalar)right);
        /// <summary>Product of a number and a tensor.</summary>
        public static Tensor operator *(Scalar left, Tensor right) => right.mul(left);
        /// <summary>Product of a number and a tensor.</summary>
        public static Tensor operator *(int left, Tensor right) => right.mul((Scalar)left);
        /// <summary>Product of a number and a tensor.</summary>
        public static Tensor operator *(long left, Tensor right) => right.mul((Scalar)left);
        /// <summary>Product of a number and a tensor.</summary>
        public static Tensor operator *(float left, Tensor right) => right.mul((Scalar)left);
        /// <summary>Product of a number and a tensor.</summary>
        public static Tensor operator *(double left, Tensor right) => right.mul((Scalar)left);

        /// <summary>Quotient, with broadcasting.</summary>
        public static Tensor operator /(Tensor left, Tensor right) => left.div(right);
        /// <summary>Quotient with a number.</summary>
        public static Tensor operator /(Tensor left, Scalar right) => left.div(right);
        /// <summary>Quotient with a number.</summary>
        public static Tensor operator /(Tensor left, int right) => left.div((Scalar)right);
        /// <summary>Quotient with a number.</summary>
        public static Tensor operator /(Tensor left, long right) => left.div((Scalar)right);
        /// <summary>Quotient with a number.</summary>
        public static Tensor operator /(Tensor left, float right) => left.div((Scalar)right);
        /// <summary>Quotient with a number.</summary>
        public static Tensor operator /(Tensor left, double right) => left.div((Scalar)right);
        /// <summary>Quotient of a number and a tensor.</summary>
        public static Tensor operator /(Scalar left, Tensor right) => Over(left, right);
        /// <summary>Quotient of a number and a tensor.</summary>
        public static Tensor operator /(int left, Tensor right) => Over((Scalar)left, right);
        /// <summary>Quotient of a number and a tensor.</summary>
        public static Tensor operator /(long left, Tensor right) => Over((Scalar)left, right);
        /// <summary>Quotient of a number and a tensor.</summary>
        public static Tensor operator /(float left, Tensor right) => Over((Scalar)left, right);
        /// <summary>Quotient of a number and a tensor.</summary>
        public static Tensor operator /(double left, Tensor right) => Over((Scalar)left, right);

        /// <summary>Remainder with the sign of the divisor, with broadcasting.</summary>
        public static Tensor operator %(Tensor left, Tensor right) => left.remainder(right);
        /// <summary>Remainder with the sign of the divisor with a number.</summary>
        public static Tensor operator %(Tensor left, Scalar right) => left.remainder(right);
        /// <summary>Remainder with the sign of the divisor with a number.</summary>
        public static Tensor operator %(Tensor left, int right) => left.remainder((Scalar)right);
        /// <summary>Remainder with the sign of the divisor with a number.</summary>
        public static Tensor operator %(Tensor left, long right) => left.remainder((Scalar)right);
        /// <summary>Remainder with the sign of the divisor with a number.</summary>
        public static Tensor operator %(Tensor left, float right) => left.remainder((Scalar)right);
        /// <summary>Remainder with the sign of the divisor with a number.</summary>
        public static Tensor operator %(Tensor left, double right) => left.remainder((Scalar)right);

        /// <summary>True where equal, with broadcasting.</summary>
        public static Tensor operator ==(Tensor left, Tensor right) => left.eq(right);
        /// <summary>True where equal.</summary>
        public static Tensor operator ==(Tensor left, Scalar right) => left.eq(right);
        /// <summary>True where equal.</summary>
        public static Tensor operator ==(Scalar left, Tensor right) => right.eq(left);

        /// <summary>True where not equal, with broadcasting.</summary>
        public static Tensor operator !=(Tensor left, Tensor right) => left.ne(right);
        /// <summary>True where not equal.</summary>
        public static Tensor operator !=(Tensor left, Scalar right) => left.ne(right);
        /// <summary>True where not equal.</summary>
        public static Tensor operator !=(Scalar left, Tensor right) => right.ne(left);

        /// <summary>True where less, with broadcasting.</summary>
        public static Tensor operator <(Tensor left, Tensor right) => left.lt(right);
        /// <summary>True where less.</summary>
        public static Tensor operator <(Tensor left, Scalar right) => left.lt(right);
        /// <summary>True where less.</summary>
        public static Tensor operator <(Scalar left, Tensor right) => right.gt(left);

        /// <summary>True where less or equal, with broadcasting.</summary>
        public static Tensor operator <=(Tensor left, Tensor right) => left.le(right);
        /// <summary>True where less or equal.</summary>
        public static Tensor operator <=(Tensor left, Scalar right) => left.le(right);
        /// <summary>True where less or equal.</summary>
        public static Tensor operator <=(Scalar left, Tensor right) => right.ge(left);

        /// <summary>True where greater, with broadcasting.</summary>
        public static Tensor operator >(Tensor left, Tensor right) => left.gt(right);
        /// <summary>True where greater.</summary>
        public static Tensor operator >(Tensor left, Scalar right) => left.gt(right);
        /// <summary>True where greater.</summary>
        public static Tensor operator >(Scalar left, Tensor right) => right.lt(left);

        /// <summary>True where greater or equal, with broadcasting.</summary>
        public static Tensor operator >=(Tensor left, Tensor right) => left.ge(right);
        /// <summary>True where greater or equal.</summary>
        public static Tensor operator >=(Tensor left, Scalar right) => left.ge(right);
        /// <summary>True where greater or equal.</summary>
        public static Tensor operator >=(Scalar left, Tensor right) => right.le(left);

        /// <summary>Each element with its sign changed.</summary>
        public static Tensor operator -(Tensor tensor) => tensor.neg();
        /// <summary>All bits changed; of bool, the negation.</summary>
        public static Tensor operator ~(Tensor left) => left.bitwise_not();
        /// <summary>And of the bits.</summary>
        public static Tensor operator &(Tensor left, Tensor right) => left.bitwise_and(right);
        /// <summary>Or of the bits.</summary>
        public static Tensor operator |(Tensor left, Tensor right) => left.bitwise_or(right);
        /// <summary>Exclusive or of the bits.</summary>
        public static Tensor operator ^(Tensor left, Tensor right) => left.bitwise_xor(right);

        /// <summary>The single element.</summary>
        public static explicit operator bool(Tensor value) => value.ToBoolean();
        /// <summary>The single element.</summary>
        public static explicit operator byte(Tensor value) => value.ToByte();
        /// <summary>The single element.</summary>
        public static explicit operator sbyte(Tensor value) => value.ToSByte();
        /// <summary>The single element.</summary>
        public static explicit operator short(Tensor value) => value.ToInt16();
        /// <summary>The single element.</summary>
        public static explicit operator int(Tensor value) => value.ToInt32();
        /// <summary>The single element.</summary>
        public static explicit operator long(Tensor value) => value.ToInt64();
        /// <summary>The single element.</summary>
        public static explicit operator float(Tensor value) => value.ToSingle();
        /// <summary>The single element.</summary>
        public static explicit operator double(Tensor value) => value.ToDouble();

        /// <summary>A tensor without dimensions.</summary>
        public static implicit operator Tensor(Scalar scalar) => Aten.scalar_tensor(scalar, scalar.Type);
        /// <summary>A tensor without dimensions.</summary>
        public static implicit operator Tensor(bool value) => torch.tensor(value);
        /// <summary>A tensor without dimensions.</summary>
        public static implicit operator Tensor(byte value) => torch.tensor(value);
        /// <summary>A tensor without dimensions.</summary>
        public static implicit operator Tensor(sbyte value) => torch.tensor(value);
        /// <summary>A tensor without dimensions.</summary>
        public static implicit operator Tensor(short value) => torch.tensor(value);
        /// <summary>A tensor without dimensions.</summary>
        public static implicit operator Tensor(int value) => torch.tensor(value);
        /// <summary>A tensor without dimensions.</summary>
        public static implicit operator Tensor(long value) => torch.tensor(value);
        /// <summary>A tensor without dimensions.</summary>
        public static implicit operator Tensor(float value) => torch.tensor(value);
        /// <summary>A tensor without dimensions.</summary>
        public static implicit operator Tensor(double value) => torch.tensor(value);
        /// <summary>A tensor without dimensions.</summary>
        public static implicit operator Tensor((float, float) value) => torch.tensor(value);
        /// <summary>A tensor without dimensions.</summary>
        public static implicit operator Tensor(Complex value) => torch.tensor(value);
        /// <summary>A tensor of one dimension.</summary>
        public static implicit operator Tensor(bool[] value) => torch.tensor(value);
        /// <summary>A tensor of one dimension.</summary>
        public static implicit operator Tensor(byte[] value) => torch.tensor(value);
        /// <summary>A tensor of one dimension.</summary>
        public static implicit operator Tensor(sbyte[] value) => torch.tensor(value);
        /// <summary>A tensor of one dimension.</summary>
        public static implicit operator Tensor(short[] value) => torch.tensor(value);
        /// <summary>A tensor of one dimension.</summary>
        public static implicit operator Tensor(int[] value) => torch.tensor(value);
        /// <summary>A tensor of one dimension.</summary>
        public static implicit operator Tensor(long[] value) => torch.tensor(value);
        /// <summary>A tensor of one dimension.</summary>
        public static implicit operator Tensor(float[] value) => torch.tensor(value);
        /// <summary>A tensor of one dimension.</summary>
        public static implicit operator Tensor(double[] value) => torch.tensor(value);
        /// <summary>A tensor of one dimension.</summary>
        public static implicit operator Tensor((float, float)[] value) => torch.tensor(value);
        /// <summary>A tensor of one dimension.</summary>
        public static implicit operator Tensor(Complex[] value) => torch.tensor(value);

        private static Tensor Over(Scalar left, Tensor right)
        {
            using var inverse = right.reciprocal();
            return inverse.mul(left);
        }
    }
}
