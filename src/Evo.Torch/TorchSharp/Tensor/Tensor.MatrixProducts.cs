// torch.Tensor: matrix products. Each member is one operator of libtorch under its own name; see PyTorch's page of that name.

using Evo.Torch.Native;

namespace TorchSharp;

public static partial class torch
{
    public partial class Tensor
    {
        /// <summary>beta · this + alpha · sum over the stack of batch1 @ batch2.</summary>
        public Tensor addbmm(Tensor batch1, Tensor batch2, float beta = 1, float alpha = 1) => Aten.addbmm(this, batch1, batch2, beta, alpha);
        /// <summary>In place: beta · this + alpha · sum over the stack of batch1 @ batch2.</summary>
        public Tensor addbmm_(Tensor batch1, Tensor batch2, float beta = 1, float alpha = 1) => Aten.addbmm_(this, batch1, batch2, beta, alpha);

        /// <summary>beta · this + alpha · mat1 @ mat2.</summary>
        public Tensor addmm(Tensor mat1, Tensor mat2, float beta = 1, float alpha = 1) => Aten.addmm(this, mat1, mat2, beta, alpha);
        /// <summary>In place: beta · this + alpha · mat1 @ mat2.</summary>
        public Tensor addmm_(Tensor mat1, Tensor mat2, float beta = 1, float alpha = 1) => Aten.addmm_(this, mat1, mat2, beta, alpha);

        /// <summary>beta · this + alpha · mat @ vec.</summary>
        public Tensor addmv(Tensor mat, Tensor vec, float beta = 1, float alpha = 1) => Aten.addmv(this, mat, vec, beta, alpha);
        /// <summary>In place: beta · this + alpha · mat @ vec.</summary>
        public Tensor addmv_(Tensor mat, Tensor vec, float beta = 1, float alpha = 1) => Aten.addmv_(this, mat, vec, beta, alpha);

        /// <summary>beta · this + alpha · vec1 ⊗ vec2.</summary>
        public Tensor addr(Tensor vec1, Tensor vec2, float beta = 1, float alpha = 1) => Aten.addr(this, vec1, vec2, beta, alpha);
        /// <summary>In place: beta · this + alpha · vec1 ⊗ vec2.</summary>
        public Tensor addr_(Tensor vec1, Tensor vec2, float beta = 1, float alpha = 1) => Aten.addr_(this, vec1, vec2, beta, alpha);

        /// <summary>beta · this + alpha · batch1 @ batch2.</summary>
        public Tensor baddbmm(Tensor batch1, Tensor batch2, float beta = 1, float alpha = 1) => Aten.baddbmm(this, batch1, batch2, beta, alpha);

        /// <summary>Products of two stacks of matrices.</summary>
        public Tensor bmm(Tensor batch2) => Aten.bmm(this, batch2);

        /// <summary>Determinant.</summary>
        public Tensor det() => Aten.det(this);

        /// <summary>Dot product of two vectors.</summary>
        public Tensor dot(Tensor target) => Aten.dot(this, target);

        /// <summary>The same as outer.</summary>
        public Tensor ger(Tensor vec2) => Aten.ger(this, vec2);

        /// <summary>Sum of products over the last dimension of both.</summary>
        public Tensor inner(Tensor vec2) => Aten.inner(this, vec2);

        /// <summary>Inverse of a square matrix.</summary>
        public Tensor inverse() => Aten.inverse(this);

        /// <summary>Kronecker product.</summary>
        public Tensor kron(Tensor other) => Aten.kron(this, other);

        /// <summary>Logarithm of the determinant.</summary>
        public Tensor logdet() => Aten.logdet(this);

        /// <summary>Matrix product, with broadcasting of leading dimensions; of vectors, the dot product.</summary>
        public Tensor matmul(Tensor target) => Aten.matmul(this, target);

        /// <summary>Matrix exponential.</summary>
        public Tensor matrix_exp() => Aten.matrix_exp(this);

        /// <summary>Power of a square matrix.</summary>
        public Tensor matrix_power(int n) => Aten.matrix_power(this, n);

        /// <summary>Product of two matrices.</summary>
        public Tensor mm(Tensor target) => Aten.mm(this, target);

        /// <summary>Product of a matrix and a vector.</summary>
        public Tensor mv(Tensor target) => Aten.mv(this, target);

        /// <summary>Outer product of two vectors.</summary>
        public Tensor outer(Tensor vec2) => Aten.outer(this, vec2);

        /// <summary>Pseudo-inverse.</summary>
        public Tensor pinverse(double rcond = 1e-15, bool hermitian = false) => Aten.linalg_pinv(this, rcond, hermitian);

        /// <summary>Sum of products over several dimensions.</summary>
        public Tensor tensordot(Tensor b, (long, long)[] dims) => Aten.tensordot(this, b, dims.Select(d => d.Item1).ToArray(), dims.Select(d => d.Item2).ToArray());
        /// <summary>Sum of products over several dimensions.</summary>
        public Tensor tensordot(Tensor b, long dims = 2) => Aten.tensordot(this, b, Enumerable.Range(0, (int)dims).Select(i => ndim - dims + i).ToArray(), Enumerable.Range(0, (int)dims).Select(i => (long)i).ToArray());
        /// <summary>Sum of products over several dimensions.</summary>
        public Tensor tensordot(Tensor b, long[] dims1, long[] dims2) => Aten.tensordot(this, b, dims1, dims2);

        /// <summary>Sum of the diagonal.</summary>
        public Tensor trace() => Aten.trace(this);

        /// <summary>Dot product with the first conjugated.</summary>
        public Tensor vdot(Tensor target) => Aten.vdot(this, target);
    }
}
