//! blame
