// torch.*: the functions of Tensor.MatrixProducts.cs with the tensor as first argument.

using Evo.Torch.Native;

namespace TorchSharp;

public static partial class torch
{
    /// <summary>beta · this + alpha · sum over the stack of batch1 @ batch2.</summary>
    public static Tensor addbmm(Tensor input, Tensor batch1, Tensor batch2, float beta = 1, float alpha = 1) => input.addbmm(batch1, batch2, beta, alpha);
    /// <summary>In place: beta · this + alpha · sum over the stack of batch1 @ batch2.</summary>
    public static Tensor addbmm_(Tensor input, Tensor batch1, Tensor batch2, float beta = 1, float alpha = 1) => input.addbmm_(batch1, batch2, beta, alpha);

    /// <summary>beta · this + alpha · mat1 @ mat2.</summary>
    public static Tensor addmm(Tensor input, Tensor mat1, Tensor mat2, float beta, float alpha) => input.addmm(mat1, mat2, beta, alpha);
    /// <summary>In place: beta · this + alpha · mat1 @ mat2.</summary>
    public static Tensor addmm_(Tensor input, Tensor mat1, Tensor mat2, float beta, float alpha) => input.addmm_(mat1, mat2, beta, alpha);

    /// <summary>beta · this + alpha · mat @ vec.</summary>
    public static Tensor addmv(Tensor input, Tensor mat1, Tensor mat2, float beta, float alpha) => input.addmv(mat1, mat2, beta, alpha);
    /// <summary>In place: beta · this + alpha · mat @ vec.</summary>
    public static Tensor addmv_(Tensor input, Tensor mat1, Tensor mat2, float beta, float alpha) => input.addmv_(mat1, mat2, beta, alpha);

    /// <summary>beta · this + alpha · vec1 ⊗ vec2.</summary>
    public static Tensor addr(Tensor input, Tensor vec1, Tensor vec2, float beta = 1, float alpha = 1) => input.addr(vec1, vec2, beta, alpha);
    /// <summary>In place: beta · this + alpha · vec1 ⊗ vec2.</summary>
    public static Tensor addr_(Tensor input, Tensor vec1, Tensor vec2, float beta = 1, float alpha = 1) => input.addr_(vec1, vec2, beta, alpha);

    /// <summary>beta · this + alpha · batch1 @ batch2.</summary>
    public static Tensor baddbmm(Tensor input, Tensor batch1, Tensor batch2, float beta = 1, float alpha = 1) => input.baddbmm(batch1, batch2, beta, alpha);

    /// <summary>Products of two stacks of matrices.</summary>
    public static Tensor bmm(Tensor input, Tensor batch2) => input.bmm(batch2);

    /// <summary>The product of several matrices in the cheapest order.</summary>
    public static Tensor chain_matmul(params Tensor[] matrices) => Aten.linalg_multi_dot(matrices);

    /// <summary>Determinant.</summary>
    public static Tensor det(Tensor input) => input.det();

    /// <summary>Dot product of two vectors.</summary>
    public static Tensor dot(Tensor input, Tensor other) => input.dot(other);

    /// <summary>Sums of products after Einstein: "bij,bjk->bik".</summary>
    public static Tensor einsum(string equation, params Tensor[] tensors) => Aten.einsum(equation, tensors);

    /// <summary>The same as outer.</summary>
    public static Tensor ger(Tensor input, Tensor vec2) => input.ger(vec2);

    /// <summary>Sum of products over the last dimension of both.</summary>
    public static Tensor inner(Tensor input, Tensor vec2) => input.inner(vec2);

    /// <summary>Inverse of a square matrix.</summary>
    public static Tensor inverse(Tensor input) => input.inverse();

    /// <summary>Kronecker product.</summary>
    public static Tensor kron(Tensor input, Tensor other) => input.kron(other);

    /// <summary>Logarithm of the determinant.</summary>
    public static Tensor logdet(Tensor input) => input.logdet();

    /// <summary>Matrix product, with broadcasting of leading dimensions; of vectors, the dot product.</summary>
    public static Tensor matmul(Tensor input, Tensor target) => input.matmul(target);

    /// <summary>Matrix exponential.</summary>
    public static Tensor matrix_exp(Tensor input) => input.matrix_exp();

    /// <summary>Power of a square matrix.</summary>
    public static Tensor matrix_power(Tensor input, int n) => input.matrix_power(n);

    /// <summary>Product of two matrices.</summary>
    public static Tensor mm(Tensor input, Tensor target) => input.mm(target);

    /// <summary>Product of a matrix and a vector.</summary>
    public static Tensor mv(Tensor input, Tensor target) => input.mv(target);

    /// <summary>Outer product of two vectors.</summary>
    public static Tensor outer(Tensor input, Tensor vec2) => input.outer(vec2);

    /// <summary>Pseudo-inverse.</summary>
    public static Tensor pinverse(Tensor input, double rcond = 1e-15, bool hermitian = false) => input.pinverse(rcond, hermitian);

    /// <summary>Sum of products over several dimensions.</summary>
    public static Tensor tensordot(Tensor a, Tensor b, (long, long)[] dims) => a.tensordot(b, dims);
    /// <summary>Sum of products over several dimensions.</summary>
    public static Tensor tensordot(Tensor a, Tensor b, long dims = 2) => a.tensordot(b, dims);
    /// <summary>Sum of products over several dimensions.</summary>
    public static Tensor tensordot(Tensor a, Tensor b, long[] dims1, long[] dims2) => a.tensordot(b, dims1, dims2);

    /// <summary>Sum of the diagonal.</summary>
    public static Tensor trace(Tensor input) => input.trace();

    /// <summary>Dot product with the first conjugated.</summary>
    public static Tensor vdot(Tensor input, Tensor target) => input.vdot(target);
}
