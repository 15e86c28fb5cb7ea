// nn.functional: activation functions. With inplace, x itself is changed and a second handle of it returned.

using TorchSharp.Modules;

namespace TorchSharp;

public static partial class torch
{
    public static partial class nn
    {
        /// <summary>Functions of which the modules of <see cref="nn"/> are made.</summary>
        public static partial class functional
        {
            /// <summary>max(x, 0).</summary>
            public static Tensor relu(Tensor x, bool inplace = false) => inplace ? x.relu_().alias() : x.relu();

            /// <summary>x limited to [0, 6].</summary>
            public static Tensor relu6(Tensor x, bool inplace = false) => inplace ? x.relu6_().alias() : x.relu6();

            /// <summary>x above zero, negative_slope · x below.</summary>
            public static Tensor leaky_relu(Tensor input, double negative_slope = 0.01, bool inplace = false) =>
                inplace ? input.leaky_relu_(negative_slope).alias() : input.leaky_relu(negative_slope);

            /// <summary>x above zero, the learned slope times x below.</summary>
            public static Tensor prelu(Tensor input, Tensor weight) => input.prelu(weight);

            /// <summary>leaky_relu with the mean of lower and upper as slope.</summary>
            public static Tensor rrelu(Tensor x, double lower = 1.0 / 8, double upper = 1.0 / 3, bool inplace = false) =>
                inplace ? x.rrelu_(lower, upper).alias() : x.rrelu(lower, upper);

            /// <summary>x above zero, alpha · (exp(x) - 1) below.</summary>
            public static Tensor elu(Tensor x, double alpha, bool inplace = false) => inplace ? x.elu_(alpha).alias() : x.elu(alpha);

            /// <summary>max(0, x) + min(0, alpha · (exp(x / alpha) - 1)).</summary>
            public static Tensor celu(Tensor x, double alpha, bool inplace = false) => inplace ? x.celu_(alpha).alias() : x.celu(alpha);

            /// <summary>elu with the self-normalizing constants.</summary>
            public static Tensor selu(Tensor x, bool inplace = false) => inplace ? x.selu_().alias() : x.selu();

            /// <summary>x · Φ(x), Φ the normal distribution function.</summary>
            public static Tensor gelu(Tensor x) => x.gelu();

            /// <summary>x · Φ(x), Φ the normal distribution function.</summary>
            public static Tensor gelu(Tensor x, bool inplace) => gelu(x, Modules.GELU.Approximate.none, inplace);

            /// <summary>x · Φ(x), Φ the normal distribution function or its tanh approximation.</summary>
            public static Tensor gelu(Tensor x, Modules.GELU.Approximate approximate, bool inplace = false) =>
                inplace ? x.gelu_(approximate).alias() : x.gelu(approximate);

            /// <summary>x · sigmoid(x).</summary>
            public static Tensor silu(Tensor x, bool inplace = false) => inplace ? x.silu_().alias() : x.silu();

            /// <summary>x · sigmoid(x).</summary>
            public static Tensor SiLU(Tensor x, bool inplace = false) => silu(x, inplace);

            /// <summary>x · tanh(softplus(x)).</summary>
            public static Tensor mish(Tensor x, bool inplace = false)
            {
                using var softened = x.softplus();
                using var factor = softened.tanh();
                return inplace ? x.mul_(factor).alias() : x.mul(factor);
            }

            /// <summary>x · tanh(softplus(x)).</summary>
            public static Tensor Mish(Tensor x) => mish(x);

            /// <summary>1 / (1 + exp(-x)).</summary>
            public static Tensor sigmoid(Tensor x) => x.sigmoid();

            /// <summary>1 / (1 + exp(-x)).</summary>
            public static Tensor sigmoid(Tensor x, bool inplace) => inplace ? x.sigmoid_().alias() : x.sigmoid();

            /// <summary>log of sigmoid, without overflow.</summary>
            public static Tensor logsigmoid(Tensor x) => x.log_sigmoid();

            /// <summary>Hyperbolic tangent.</summary>
            public static Tensor tanh(Tensor x, bool inplace = false) => inplace ? x.tanh_().alias() : x.tanh();

            /// <summary>x - tanh(x).</summary>
            public static Tensor tanhshrink(Tensor x, bool inplace = false)
            {
                using var bent = x.tanh();
                return inplace ? x.sub_(bent).alias() : x.sub(bent);
            }

            /// <summary>x - tanh(x).</summary>
            public static Tensor Tanhshrink(Tensor x) => tanhshrink(x);

            /// <summary>relu6(x + 3) / 6.</summary>
            public static Tensor hardsigmoid(Tensor input, bool inplace = false) => inplace ? input.hardsigmoid_().alias() : input.hardsigmoid();

            /// <summary>x · relu6(x + 3) / 6.</summary>
            public static Tensor hardswish(Tensor input, bool inplace = false) => inplace ? input.hardswish_().alias() : input.hardswish();

            /// <summary>x limited to [min_val, max_val].</summary>
            public static Tensor hardtanh(Tensor x, double min_val = -1.0, double max_val = 1.0, bool inplace = false) =>
                inplace ? x.hardtanh_(min_val, max_val).alias() : x.hardtanh(min_val, max_val);

            /// <summary>x limited to [min_val, max_val].</summary>
            public static Tensor Hardtanh(Tensor x, double min_val = -1.0, double max_val = 1.0, bool inplace = false) =>
                hardtanh(x, min_val, max_val, inplace);

            /// <summary>x where |x| is above lambda, zero elsewhere.</summary>
            public static Tensor hardshrink(Tensor x, double lambda = 0.5) => Evo.Torch.Native.Aten.hardshrink(x, lambda);

            /// <summary>x where |x| is above lambda, zero elsewhere.</summary>
            public static Tensor Hardshrink(Tensor x, double lambda = 0.5) => hardshrink(x, lambda);

            /// <summary>x moved toward zero by lambda, zero where |x| is below it.</summary>
            public static Tensor softshrink(Tensor x, double lambda = 0.5) => Evo.Torch.Native.Aten.softshrink(x, lambda);

            /// <summary>x moved toward zero by lambda, zero where |x| is below it.</summary>
            public static Tensor Softshrink(Tensor x, double lambda = 0.5) => softshrink(x, lambda);

            /// <summary>x / (1 + |x|).</summary>
            public static Tensor softsign(Tensor x, bool inplace = false)
            {
                using var size = x.abs();
                using var divisor = size.add(1);
                return inplace ? x.div_(divisor).alias() : x.div(divisor);
            }

            /// <summary>x / (1 + |x|).</summary>
            public static Tensor Softsign(Tensor x) => softsign(x);

            /// <summary>log(1 + exp(beta · x)) / beta; x itself where beta · x is above threshold.</summary>
            public static Tensor softplus(Tensor x, double beta = 1.0, double threshold = 20.0) => x.softplus(beta, threshold);

            /// <summary>x above the threshold, value elsewhere.</summary>
            public static Tensor threshold(Tensor x, double threshold, double value, bool inplace = false) =>
                inplace ? x.threshold_(threshold, value).alias() : x.threshold(threshold, value);

            /// <summary>x above the threshold, value elsewhere.</summary>
            public static Tensor Threshold(Tensor x, double threshold, double value, bool inplace = false) =>
                functional.threshold(x, threshold, value, inplace);

            /// <summary>First half times sigmoid of second half, along a dimension.</summary>
            public static Tensor glu(Tensor input, long dim = -1) => input.glu(dim);

            /// <summary>exp(x) over its sum along a dimension, computed in dtype where given.</summary>
            public static Tensor softmax(Tensor input, long dim, ScalarType? dtype = null) => input.softmax(dim, dtype);

            /// <summary>Logarithm of softmax, without overflow.</summary>
            public static Tensor log_softmax(Tensor x, long dim) => x.log_softmax(dim);

            /// <summary>softmax of -x.</summary>
            public static Tensor softmin(Tensor x, long dim)
            {
                using var turned = x.neg();
                return turned.softmax(dim);
            }

            /// <summary>softmax over the channels of [N, C, H, W] or [C, H, W].</summary>
            public static Tensor softmax2d(Tensor x) => x.softmax(-3);
        }
    }
}
