// torch.Tensor: activation functions. Each member is one operator of libtorch under its own name; see PyTorch's page of that name.

using Evo.Torch.Native;

namespace TorchSharp;

public static partial class torch
{
    public partial class Tensor
    {
        /// <summary>max(0, x) + min(0, alpha · (exp(x / alpha) - 1)).</summary>
        public Tensor celu() => Aten.celu(this);
        /// <summary>max(0, x) + min(0, alpha · (exp(x / alpha) - 1)).</summary>
        public Tensor celu(Scalar alpha) => Aten.celu(this, alpha);
        /// <summary>In place: max(0, x) + min(0, alpha · (exp(x / alpha) - 1)).</summary>
        public Tensor celu_() => Aten.celu_(this);
        /// <summary>In place: max(0, x) + min(0, alpha · (exp(x / alpha) - 1)).</summary>
        public Tensor celu_(Scalar alpha) => Aten.celu_(this, alpha);

        /// <summary>x above zero, alpha · (exp(x) - 1) below.</summary>
        public Tensor elu(Scalar alpha, Scalar scale, Scalar input_scale) => Aten.elu(this, alpha, scale, input_scale);
        /// <summary>x above zero, alpha · (exp(x) - 1) below.</summary>
        public Tensor elu(double alpha = 1) => Aten.elu(this, alpha);
        /// <summary>In place: x above zero, alpha · (exp(x) - 1) below.</summary>
        public Tensor elu_(Scalar alpha, Scalar scale, Scalar input_scale) => Aten.elu_(this, alpha, scale, input_scale);
        /// <summary>In place: x above zero, alpha · (exp(x) - 1) below.</summary>
        public Tensor elu_(double alpha = 1) => Aten.elu_(this, alpha);

        /// <summary>x · Φ(x), Φ the normal distribution function (or its tanh approximation).</summary>
        public Tensor gelu() => Aten.gelu(this);
        /// <summary>x · Φ(x), Φ the normal distribution function (or its tanh approximation).</summary>
        public Tensor gelu(Modules.GELU.Approximate approximate) => Aten.gelu(this, approximate.ToString());
        /// <summary>In place: x · Φ(x), Φ the normal distribution function (or its tanh approximation).</summary>
        public Tensor gelu_() => Aten.gelu_(this);
        /// <summary>In place: x · Φ(x), Φ the normal distribution function (or its tanh approximation).</summary>
        public Tensor gelu_(Modules.GELU.Approximate approximate) => Aten.gelu_(this, approximate.ToString());

        /// <summary>First half times sigmoid of second half, along a dimension.</summary>
        public Tensor glu(long dim = -1) => Aten.glu(this, dim);

        /// <summary>relu6(x + 3) / 6.</summary>
        public Tensor hardsigmoid() => Aten.hardsigmoid(this);
        /// <summary>In place: relu6(x + 3) / 6.</summary>
        public Tensor hardsigmoid_() => Aten.hardsigmoid_(this);

        /// <summary>x · relu6(x + 3) / 6.</summary>
        public Tensor hardswish() => Aten.hardswish(this);
        /// <summary>In place: x · relu6(x + 3) / 6.</summary>
        public Tensor hardswish_() => Aten.hardswish_(this);

        /// <summary>x limited to [min, max].</summary>
        public Tensor hardtanh(Scalar min, Scalar max) => Aten.hardtanh(this, min, max);
        /// <summary>In place: x limited to [min, max].</summary>
        public Tensor hardtanh_(Scalar min, Scalar max) => Aten.hardtanh_(this, min, max);

        /// <summary>x above zero, negative_slope · x below.</summary>
        public Tensor leaky_relu(Scalar negative_slope) => Aten.leaky_relu(this, negative_slope);
        /// <summary>In place: x above zero, negative_slope · x below.</summary>
        public Tensor leaky_relu_(Scalar negative_slope) => Aten.leaky_relu_(this, negative_slope);

        /// <summary>log of sigmoid, without overflow.</summary>
        public Tensor log_sigmoid() => Aten.log_sigmoid(this);

        /// <summary>Logarithm of softmax, without overflow.</summary>
        public Tensor log_softmax(long dim, ScalarType? dtype = null) => Aten.log_softmax_int(this, dim, dtype);

        /// <summary>x above zero, the learned slope times x below.</summary>
        public Tensor prelu(Tensor target) => Aten.prelu(this, target);

        /// <summary>max(x, 0).</summary>
        public Tensor relu() => Aten.relu(this);

        /// <summary>x limited to [0, 6].</summary>
        public Tensor relu6() => Aten.relu6(this);
        /// <summary>In place: x limited to [0, 6].</summary>
        public Tensor relu6_() => Aten.relu6_(this);

        /// <summary>In place: max(x, 0).</summary>
        public Tensor relu_() => Aten.relu_(this);

        /// <summary>leaky_relu with the mean of lower and upper as slope.</summary>
        public Tensor rrelu(double lower = 0.125, double upper = 1.0 / 3) => Aten.rrelu(this, lower, upper);
        /// <summary>In place: leaky_relu with the mean of lower and upper as slope.</summary>
        public Tensor rrelu_(double lower = 0.125, double upper = 1.0 / 3) => Aten.rrelu_(this, lower, upper);

        /// <summary>elu with the self-normalizing constants.</summary>
        public Tensor selu() => Aten.selu(this);
        /// <summary>In place: elu with the self-normalizing constants.</summary>
        public Tensor selu_() => Aten.selu_(this);

        /// <summary>1 / (1 + exp(-x)).</summary>
        public Tensor sigmoid() => Aten.sigmoid(this);
        /// <summary>In place: 1 / (1 + exp(-x)).</summary>
        public Tensor sigmoid_() => Aten.sigmoid_(this);

        /// <summary>x · sigmoid(x).</summary>
        public Tensor silu() => Aten.silu(this);
        /// <summary>In place: x · sigmoid(x).</summary>
        public Tensor silu_() => Aten.silu_(this);

        /// <summary>exp(x) over its sum along a dimension.</summary>
        public Tensor softmax(long dim, ScalarType? dtype = null) => Aten.softmax_int(this, dim, dtype);

        /// <summary>log(1 + exp(beta · x)) / beta; x itself where beta · x is above threshold.</summary>
        public Tensor softplus(double beta = 1, double threshold = 20) => Aten.softplus(this, beta, threshold);

        /// <summary>x above the threshold, value elsewhere.</summary>
        public Tensor threshold(Scalar threshold, Scalar value) => Aten.threshold(this, threshold, value);
        /// <summary>In place: x above the threshold, value elsewhere.</summary>
        public Tensor threshold_(Scalar threshold, Scalar value) => Aten.threshold_(this, threshold, value);
    }
}
